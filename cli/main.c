/* SPDX-License-Identifier: MIT */
/* main.c - where the command starts; in the Python package it starts elsewhere */
#include "args.h"

int main(int argc, char **argv)
{
    return fletch_command_main(argc, argv);
}
