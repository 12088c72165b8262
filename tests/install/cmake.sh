# SPDX-License-Identifier: MIT
# cmake.sh - part of install.sh: programs that find the installed copy with CMake
#
# A project with list.c against each target, and the version and components that may be asked
# for. With the variables of install.sh.

# $1: a name; $2: what find_package is given; $3: the target; $4: more for the project
cmake_project() {
    mkdir -p "$work/$1"
    cat >"$work/$1/CMakeLists.txt" <<END
cmake_minimum_required(VERSION 3.16)
project(consumer C)
$4
find_package(fletch $2)
add_executable(list $PWD/examples/list.c)
target_link_libraries(list PRIVATE $3)
END
    cmake -S "$work/$1" -B "$work/$1/build" -DCMAKE_PREFIX_PATH="$root$prefix" \
        -DCMAKE_BUILD_TYPE=Release && cmake --build "$work/$1/build"
}
# Without what install.sh told the loader: CMake's programs know where the library lies.
cmake_lists() {
    env -i "$work/$1/build/list" "$work/converted" | grep -q '^encoder.conv1.bias '
}
refused() { ! cmake_project "$@"; }

if command -v cmake >/dev/null 2>&1; then
    version=$(pkg-config --modversion fletch)
    point 'CMake: fletch::fletch' cmake_project shared REQUIRED fletch::fletch ''
    point 'it runs' cmake_lists shared
    needs_it() { readelf -d "$work/shared/build/list" | grep -q 'NEEDED.*libfletch\.so\.1'; }
    point 'and is the shared library' needs_it
    point 'CMake: the static library' cmake_project static "$version REQUIRED" \
        fletch::fletch_static ''
    point 'it runs' cmake_lists static
    needs_not() { ! readelf -d "$work/static/build/list" | grep -q 'NEEDED.*libfletch'; }
    point 'and has fletch in it' needs_not
    point 'CMake: a static program' cmake_project whole 'REQUIRED COMPONENTS static' \
        fletch::fletch 'set(CMAKE_EXE_LINKER_FLAGS -static)'
    point 'it runs' cmake_lists whole
    point 'and needs no shared library' needs_nothing "$work/whole/build/list"
    point 'CMake: a newer version is not found' refused newer '99.0 REQUIRED' fletch::fletch ''
    point 'CMake: nor an older one that promised something else' refused older \
        '0.0.1 REQUIRED' fletch::fletch ''
    point 'CMake: nor a component that there is not' refused odd 'REQUIRED COMPONENTS odd' \
        fletch::fletch ''
    half_gone() {
        mv "$LD_LIBRARY_PATH/libfletch.a" "$work/aside.a"
        ! cmake_project gone 'REQUIRED COMPONENTS static' fletch::fletch '' &&
            cmake_project left 'REQUIRED' fletch::fletch '' && cmake_lists left
        status=$?
        mv "$work/aside.a" "$LD_LIBRARY_PATH/libfletch.a"
        return $status
    }
    point 'CMake: where the static library is not installed, the shared one does' half_gone
else
    count=$((count + 1))
    echo "ok $count - CMake # SKIP cmake is not installed"
fi
