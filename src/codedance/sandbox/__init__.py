"""Run untrusted Python next to a picture: rootless, without a daemon, with state, in milliseconds.

with SyncSandbox() as box, box.session(images=["photo.jpg"]) as session:
    result = session.run("input_image.crop((0, 0, 200, 200)).show()")
    result.images[0].save("crop.png")
"""

from codedance.sandbox.blocking import SyncSandbox, SyncSession
from codedance.sandbox.box import Sandbox
from codedance.sandbox.isolation import Mechanism, Report
from codedance.sandbox.limits import Limits
from codedance.sandbox.session import Session

__all__ = ["Limits", "Mechanism", "Report", "Sandbox", "Session", "SyncSandbox", "SyncSession"]
