"""The trusted process between the caller and the sandboxed sessions: it owns the clock, the limits and the verdicts.

It imports the standard library and this package only, opens no file that a session wrote, and decodes no image.
"""
