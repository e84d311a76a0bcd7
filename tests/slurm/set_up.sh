#!/bin/sh
# Starts a SLURM of two virtual nodes on this machine, on loopback, for `make slurm`.
#
#   tests/slurm/set_up.sh FOLDER    an empty folder for its slurm.conf, state, logs and *.pid
#
# Installs Debian's packages where they are missing. For root, and for a machine that nobody shares.

set -eu

fail() {
    printf 'gan_jax: %s\n' "$*" >&2
    exit 1
}

[ "$(id -u)" = 0 ] || fail 'SLURM starts jobs as their users: run this as root'
folder=$(CDPATH='' cd -- "${1:?the folder to write to}" && pwd -P)
export PATH="$PATH:/usr/sbin:/sbin"

for program in slurmctld slurmd sbatch munged; do
    command -v "$program" >/dev/null || missing=$program
done
if [ -n "${missing:-}" ]; then
    command -v apt-get >/dev/null || fail "no $missing here: install slurmctld, slurmd, and munge"
    apt-get update >/dev/null
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        slurmctld slurmd slurm-client munge >"$folder/apt.log" 2>&1 ||
        fail "apt-get failed: see $folder/apt.log"
fi

# JAX dials the first node of a step by its name, so that the names of both must resolve.
host=$(hostname -s)
getent hosts "$host" >/dev/null || fail "the name of this machine, $host, does not resolve"

mkdir -p "$folder/state" "$folder/munge"
head -c 1024 /dev/urandom >"$folder/munge/key"
chmod 700 "$folder/munge" && chmod 400 "$folder/munge/key"
munge=$(mktemp -d) # every user has to reach the socket
chmod 711 "$munge"
munged --force --key-file="$folder/munge/key" --socket="$munge/socket" \
    --log-file="$folder/munge/log" --seed-file="$folder/munge/seed" --pid-file="$folder/munge/pid"
cp "$folder/munge/pid" "$folder/munged.pid"

cat >"$folder/slurm.conf" <<END
ClusterName=loopback
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=16817
AuthType=auth/munge
AuthInfo=socket=$munge/socket
CredType=cred/munge
SlurmUser=root
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/%n
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/%n.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
SlurmdParameters=config_overrides
NodeName=$host NodeHostname=$host NodeAddr=127.0.0.1 Port=17001 CPUs=2
NodeName=localhost NodeHostname=$host NodeAddr=127.0.0.1 Port=17002 CPUs=2
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
END

export SLURM_CONF="$folder/slurm.conf"
slurmctld -f "$SLURM_CONF"
slurmd -N "$host" -f "$SLURM_CONF"
slurmd -N localhost -f "$SLURM_CONF"
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    idle=$(sinfo --noheader --Node --format=%t 2>/dev/null | grep -c '^idle$' || true)
    [ "$idle" -lt 2 ] || exit 0
    sleep 1
done
fail "the nodes do not come up: see the logs in $folder"
