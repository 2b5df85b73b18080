"""The command line: thin. A command finds its config, calls ``app``, ``config`` or ``venue``, prints, and ends.

Everything heavy is imported inside the command that needs it, so that ``--help`` costs next to nothing.
"""
