"""Code that runs on the far side of the wall: the zygote and the sessions forked from it.

It imports the standard library and the guest libraries only, never `codedance`, so that nothing of the caller's project
is loaded next to untrusted code. It is started by file path, as a package named `guest`.
"""
