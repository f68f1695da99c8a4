// The first-boot reader of images without cloud-init, in POSIX shell: finds the NoCloud seed and gives the guest its name, keys,
// addresses and user data, once for each instance-id. It reads YAML only in the plain block shape that `seed.ts` writes.
import type { GuestFile } from './guest-file.ts';

/** Files by absolute path. */
export function seedFiles(): Record<string, GuestFile> {
  return {
    '/usr/lib/caisson/seed': { text: seedScript, mode: '0755' },
    '/usr/lib/caisson/seed-network.awk': { text: networkScript, mode: '0644' },
    '/usr/lib/caisson/user-data': { text: userDataScript, mode: '0755' },
    '/usr/lib/caisson/ssh-keys': { text: sshKeysScript, mode: '0755' },
    '/etc/systemd/system/caisson-seed.service': { text: seedUnit, mode: '0644' },
    '/etc/systemd/system/caisson-user-data.service': { text: userDataUnit, mode: '0644' },
    '/etc/systemd/system/caisson-ssh-keys.service': { text: sshKeysUnit, mode: '0644' },
    // A drop-in instead of `enable`: it costs nothing in an image without sshd.
    '/etc/systemd/system/ssh.service.d/caisson.conf': {
      text: '[Unit]\nWants=caisson-ssh-keys.service\nAfter=caisson-ssh-keys.service\n',
      mode: '0644',
    },
  };
}

// Shell builtins where they do: each program started costs 50 ms under emulation, and everything waits for this one.
const seedScript = String.raw`#!/bin/sh
# Reads the NoCloud seed: a read-only disk whose ISO 9660 volume is named cidata.
set -eu
umask 022
state=/var/lib/caisson/seed
seed=/run/caisson/seed
# Accounts that the seed's keys open; an image may name others.
accounts=root
[ ! -f /etc/caisson/seed.conf ] || . /etc/caisson/seed.conf

device=
for disk in /sys/block/[sv]d* /sys/block/sr*; do
  [ -f "$disk/ro" ] && read -r ro <"$disk/ro" || continue
  case $ro$disk in 1* | */sr*) ;; *) continue ;; esac
  # The volume identifier is at byte 32808.
  case $(dd if="/dev/${'$'}{disk##*/}" bs=8 skip=4101 count=1 2>/dev/null | tr -d '\0') in
    [cC][iI][dD][aA][tT][aA]*) device=/dev/${'$'}{disk##*/}; break ;;
  esac
done
if [ -z "$device" ]; then
  echo 'no seed: the name, keys and addresses stay as they are'
  exit 0
fi
mkdir -p "$state" "$seed"
mount -t iso9660 -o ro,nosuid,nodev,noexec "$device" "$seed"
trap 'umount "$seed"' EXIT

if [ -f "$seed/network-config" ]; then
  mkdir -p /run/systemd/network
  awk -v folder=/run/systemd/network -f /usr/lib/caisson/seed-network.awk "$seed/network-config"
fi

# Values are plain, or JSON strings.
unquote() {
  text=$1
  case $text in
    \"*\") text=${'$'}{text#\"} text=${'$'}{text%\"} ;;
  esac
  case $text in
    *\\*) text=$(printf '%s\n' "$text" | sed 's/\\\(["\\]\)/\1/g') ;;
  esac
}
newline='
'
id= name= keys=
while IFS= read -r line; do
  case $line in
    'instance-id: '*) unquote "${'$'}{line#*: }"; id=$text ;;
    'local-hostname: '*) unquote "${'$'}{line#*: }"; name=$text ;;
    '  - '*) unquote "${'$'}{line#  - }"; keys=$keys$text$newline ;;
  esac
done <"$seed/meta-data"

before=
[ ! -f "$state/instance-id" ] || read -r before <"$state/instance-id"
was=
[ ! -f "$state/keys" ] || while IFS= read -r line; do was=$was$line$newline; done <"$state/keys"

# Opens the accounts with the seed's keys; of a guest that it knows those of the last seed go, and whoever else was let in there stays.
open_accounts() {
  for account in $accounts; do
    entry=$(getent passwd "$account") || continue
    IFS=: read -r _ _ uid gid _ home _ <<EOF
$entry
EOF
    # Nobody logs in yet, but an account may have left links here: root writes through none of them.
    if [ -L "$home/.ssh" ]; then
      echo "$home/.ssh is a link: the keys of $account stay as they are"
      continue
    fi
    mkdir -p "$home/.ssh"
    file=$home/.ssh/authorized_keys
    rm -f "$file.new"
    {
      if [ "$id" = "$before" ] && [ -f "$file" ] && [ ! -L "$file" ]; then printf '%s' "$was" | grep -vxF -f - "$file" || :; fi
      printf '%s' "$keys"
    } >"$file.new"
    chown "$uid:$gid" "$home/.ssh" "$file.new"
    chmod 0700 "$home/.ssh"
    chmod 0600 "$file.new"
    mv "$file.new" "$file"
  done
  printf '%s' "$keys" >"$state/keys.new"
  sync "$state/keys.new"
  mv "$state/keys.new" "$state/keys"
}

if [ "$id" = "$before" ]; then
  [ "$keys" = "$was" ] || open_accounts
  exit 0
fi

echo "new instance $id"
# What must never be shared with the guest that this disk was copied from.
rm -f /etc/ssh/ssh_host_*_key /etc/ssh/ssh_host_*_key.pub
[ -z "$before" ] || : >/etc/machine-id

if [ -n "$name" ]; then
  short=${'$'}{name%%.*}
  echo "$short" >/etc/hostname
  echo "$short" >/proc/sys/kernel/hostname
  names=$name
  [ "$short" = "$name" ] || names="$name $short"
  sed -i -e '/^127\.0\.1\.1/d' -e "\$a127.0.1.1 $names" /etc/hosts
fi

open_accounts

rm -f "$state/user-data"
if [ -f "$seed/user-data" ] && [ "$(head -c 2 "$seed/user-data")" = '#!' ]; then
  cp "$seed/user-data" "$state/user-data"
  chmod 0700 "$state/user-data"
fi
# Synced last: everything before it is in the same journal of the file system.
echo "$id" >"$state/instance-id.new"
sync "$state/instance-id.new"
mv "$state/instance-id.new" "$state/instance-id"
`;

const networkScript = String.raw`# network-config (version 2, as Caisson writes it) to one systemd.network file for each nic.
function strip(text) { sub(/^"/, "", text); sub(/"$/, "", text); return text }
function flush_route() {
  if (from != "") routes = routes "\n[RoutingPolicyRule]\nFrom=" from "\nTable=" table "\n"
  else if (to != "" || via != "") {
    routes = routes "\n[Route]\n" (via == "" ? "" : "Gateway=" via "\n")
    if (to != "" && to != "default") routes = routes "Destination=" to "\n"
    if (onlink) routes = routes "GatewayOnLink=yes\n"
    if (scope != "") routes = routes "Scope=" scope "\n"
    if (table != "") routes = routes "Table=" table "\n"
  }
  to = ""; via = ""; onlink = 0; scope = ""; table = ""; from = ""
}
function flush_nic(    file) {
  flush_route()
  if (nic != "" && mac != "") {
    file = folder "/10-seed-" nic ".network"
    printf "[Match]\nMACAddress=%s\n", mac > file
    if (mtu != "") printf "\n[Link]\nMTUBytes=%s\n", mtu > file
    printf "\n[Network]\nDHCP=%s\nIPv6AcceptRA=%s\n", dhcp, ra > file
    printf "%s%s", network, routes > file
    if (dhcp != "no") printf "\n[DHCPv4]\nUseDomains=yes\n" > file
    close(file)
  }
  nic = ""; mac = ""; mtu = ""; dhcp = "no"; ra = "yes"; network = ""; routes = ""; section = ""; list = ""
}
BEGIN { dhcp = "no"; ra = "yes" }
/^  [a-z0-9]+:$/ { flush_nic(); nic = $1; sub(/:$/, "", nic); next }
/^    [a-z0-9-]+:/ { flush_route(); section = $1; sub(/:$/, "", section); list = "" }
/^    dhcp4: true$/ { dhcp = (dhcp == "ipv6" || dhcp == "yes") ? "yes" : "ipv4" }
/^    dhcp6: true$/ { dhcp = (dhcp == "ipv4" || dhcp == "yes") ? "yes" : "ipv6" }
/^    accept-ra: false$/ { ra = "no" }
/^    mtu: / { mtu = $2 }
section == "match" && $1 == "macaddress:" { mac = strip($2) }
section == "addresses" && $1 == "-" { network = network "Address=" strip($2) "\n" }
section == "nameservers" && /^      [a-z]+:$/ { list = $1 }
section == "nameservers" && $1 == "-" { network = network (list == "search:" ? "Domains=" : "DNS=") strip($2) "\n" }
(section == "routes" || section == "routing-policy") && /^      - / { flush_route(); $1 = ""; sub(/^ /, "") }
section == "routes" && /^ *to: / { split($0, part, ": "); to = strip(part[2]) }
section == "routes" && /^ *via: / { split($0, part, ": "); via = strip(part[2]) }
section == "routes" && /^ *on-link: true/ { onlink = 1 }
section == "routes" && /^ *scope: / { split($0, part, ": "); scope = strip(part[2]) }
section == "routing-policy" && /^ *from: / { split($0, part, ": "); from = strip(part[2]) }
(section == "routes" || section == "routing-policy") && /^ *table: / { split($0, part, ": "); table = strip(part[2]) }
END { flush_nic() }
`;

const userDataScript = `#!/bin/sh
# Runs the seed's user data once: it counts as run when it is begun, as with cloud-init.
set -eu
cd /var/lib/caisson/seed
mv user-data user-data.begun
/usr/lib/systemd/systemd-networkd-wait-online --any --timeout=30 || true
exec ./user-data.begun
`;

// No RSA key: making one takes seconds under emulation, and every SSH client of the last ten years knows the others.
const sshKeysScript = `#!/bin/sh
set -eu
for type in ed25519 ecdsa; do
  key=/etc/ssh/ssh_host_\${type}_key
  [ -s "$key" ] || ssh-keygen -q -t "$type" -N '' -C '' -f "$key"
done
sync /etc/ssh
`;

const seedUnit = `[Unit]
Description=Name, keys, addresses and user data from the seed
DefaultDependencies=no
After=systemd-remount-fs.service
Before=network-pre.target systemd-networkd.service sysinit.target shutdown.target
Wants=network-pre.target
Conflicts=shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/lib/caisson/seed

[Install]
WantedBy=sysinit.target
`;

const userDataUnit = `[Unit]
Description=User data of the seed
After=network.target caisson-seed.service
ConditionPathExists=/var/lib/caisson/seed/user-data

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/lib/caisson/user-data
TimeoutStartSec=infinity
StandardOutput=journal+console

[Install]
WantedBy=multi-user.target
`;

const sshKeysUnit = `[Unit]
Description=SSH host keys of this guest
After=caisson-seed.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/lib/caisson/ssh-keys
`;
