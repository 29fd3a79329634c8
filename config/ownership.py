"""What root makes in a service's folder belongs to the service, which must read it and one day renew it."""

from __future__ import annotations

import os
from pathlib import Path


def give_to_owner(folder: Path, like: Path | None = None) -> None:
    """Hand a folder, and what root owns in it, to whom it or `like` belongs; nothing where that is root, or we are not.

    By descriptors, no link is followed and no file with a second name touched: the folder is not root's to trust.
    """
    if os.geteuid() != 0 or not folder.is_dir():
        return
    owner = (like or folder).stat()
    if owner.st_uid == 0:
        return
    for _, folders, files, descriptor in os.fwalk(folder, follow_symlinks=False):
        if os.fstat(descriptor).st_uid == 0:
            os.fchown(descriptor, owner.st_uid, owner.st_gid)
        for name in (*folders, *files):
            found = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
            if found.st_uid == 0 and (name in folders or found.st_nlink == 1):
                os.chown(name, owner.st_uid, owner.st_gid, dir_fd=descriptor, follow_symlinks=False)
