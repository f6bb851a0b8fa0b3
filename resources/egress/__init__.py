"""What a run tries to send, and what it leaves behind: isolation, trace, and search for planted texts.

Belongs here: running commands in a network namespace that has only loopback, under strace and with a name server that
logs; reading that trace; finding planted texts in files and tables. Does not belong here: what the texts are planted
in, and which commands are run: both are told.

Modules: ``isolation`` starts the namespace from outside; ``inside`` prepares it, serves names and traces ``steps``;
``probe`` is the attempt that must be seen; ``trace`` reads what strace wrote; ``needles`` are the forms of a planted
text, ``files`` and ``tables`` look for them; ``report`` writes what was found.
"""
