#!/bin/sh
# First process of the tiny guest. It says what it does on the serial console, answers the guest agent and obeys the power button.
mount -t devtmpfs dev /dev
mount -t proc proc /proc
mount -t sysfs sys /sys
read -r commandLine < /proc/cmdline
for module in $(cat /modules/order); do insmod "/modules/$module.ko"; done

mkdir /dev/virtio-ports
for port in /sys/class/virtio-ports/*; do
  [ -r "$port/name" ] && read -r name < "$port/name" && ln -s "/dev/${port##*/}" "/dev/virtio-ports/$name"
done
agent=/dev/virtio-ports/org.qemu.guest_agent.0
[ -e "$agent" ] && /agent/ld.so --library-path /agent/lib /agent/qemu-ga -m virtio-serial -p "$agent" -t /run -f /run/ga.pid < /dev/null > /dev/null 2>&1 &
for module in $(cat /modules/late); do insmod "/modules/$module.ko"; done

hostname tiny
acpid -d -c /etc/acpi > /dev/null 2>&1 &
ip link set lo up
case "$commandLine" in
  *tiny.dhcp*) [ -e /sys/class/net/eth0 ] && ip link set eth0 up && udhcpc -i eth0 -s /etc/udhcpc.sh -b -q -t 30 -T 1 > /dev/null 2>&1 & ;;
esac
echo 'tiny guest: up'
while :; do setsid cttyhack sh; done
