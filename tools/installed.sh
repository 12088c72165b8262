#!/bin/sh
# SPDX-License-Identifier: MIT
# installed.sh LIBDIR - after an installation: makes the loader know the shared library, or
# says what else lets a program find it
#
# Meson runs it, and shows nothing of what it says; `make install` runs it once more. Where DESTDIR
# is set, nothing of this machine is touched: the package's own script has to do it.
set -u
libdir=$1
[ -n "${DESTDIR:-}" ] && exit 0
[ -e "$libdir/libfletch.so" ] || exit 0
PATH=$PATH:/usr/sbin:/sbin
command -v ldconfig >/dev/null 2>&1 || exit 0

known() {
    ldconfig -p 2>/dev/null | grep -F 'libfletch.so.' | grep -qF "=> $libdir/"
}
[ "$(id -u)" = 0 ] && ldconfig
known && exit 0
if ldconfig -N -X -v 2>/dev/null | grep -q "^$libdir:"; then
    echo "fletch: programs that link with it start once this has been run: sudo ldconfig"
else
    echo "fletch: the loader does not look into $libdir; programs that link with it need"
    echo "fletch: LD_LIBRARY_PATH=$libdir, or to be linked with -Wl,-rpath,$libdir"
fi
exit 0
