#!/bin/sh
# The first program of the machine: lays memory over the host's files, and hands over to systemd.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
mount -t tmpfs -o size=80%,mode=755 over /mnt
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work over /mnt/root || halt -f
cd /mnt/root || halt -f
mkdir -p mnt/machine
mount -t hostfs -o "$MACHINE_OUT" none mnt/machine || halt -f
cp mnt/machine/machine.target mnt/machine/machine-tests.service etc/systemd/system/
# This is neither a container nor the host: none of its services, disks and cleaning up.
rm -f .dockerenv run/.containerenv run/systemd/container
: > etc/fstab
for unit in systemd-tmpfiles-setup systemd-tmpfiles-setup-dev systemd-timesyncd systemd-pstore systemd-binfmt \
    systemd-journal-flush systemd-update-utmp systemd-random-seed; do
    ln -sf /dev/null etc/systemd/system/$unit.service
done
for folder in proc sys dev; do mount -t "$(echo $folder | sed s/^dev/devtmpfs/ | sed s/^sys/sysfs/)" $folder $folder; done
exec switch_root /mnt/root /lib/systemd/systemd
