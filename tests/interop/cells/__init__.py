"""The cells of the matrix: what each combination of languages must do, and the bench on which that is tried.

Everything goes through the command line that relay/README.md states. The package `zerobuffer` is used to look at buffers from
outside and to take away what a failed cell left; never for the answer to what a program should have done.
"""
