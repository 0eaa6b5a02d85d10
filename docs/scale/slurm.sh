#!/usr/bin/env bash
# A search on Slurm: one Ray node on each node of the job, and the search on the same node as the head.
#
#     export CELLBENCH_HOME=/shared/cellbench         # a folder that all nodes see
#     export CELLBENCH_CACHE=/tmp/$USER-cellbench     # a local disk of each node; omit it if there is none
#     sbatch docs/scale/slurm.sh --method mask_fixed --dataset mine
#
# Five minutes before the time limit the search stops cleanly. The job is requeued and continues with --resume.
# Adapt the #SBATCH lines to your cluster.
#
#SBATCH --job-name=cellbench
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=64
#SBATCH --gpus-per-node=8
#SBATCH --time=24:00:00
#SBATCH --signal=B:TERM@300
#SBATCH --requeue
#SBATCH --no-kill
#SBATCH --open-mode=append
#SBATCH --output=cellbench-%j.log
set -euo pipefail
: "${CELLBENCH_HOME:?set it to a folder that all nodes of the job see}"

name="slurm-$SLURM_JOB_ID" # a requeued job keeps its id
PORT=$((20000 + SLURM_JOB_ID % 10000)) # two jobs may share a node
HEAD=$(hostname --ip-address | tr ' ' '\n' | grep -v -e '^127\.' -e : | head -n 1)
RAY_AUTH_TOKEN=$(python -c 'import secrets; print(secrets.token_hex(32))')
export PORT HEAD RAY_AUTH_TOKEN RAY_AUTH_MODE=token RAY_USAGE_STATS_ENABLED=0
# A node that does not answer is given up after seconds, not after a minute.
export RAY_health_check_period_ms=1000 RAY_health_check_timeout_ms=5000 RAY_health_check_failure_threshold=3

# shellcheck disable=SC2016  # each node expands its own SLURM_NODEID
srun --no-kill --kill-on-bad-exit=0 bash -c '
    if [ "$SLURM_NODEID" = 0 ]; then
        role="--head --port=$PORT --node-ip-address=$HEAD --include-dashboard=false"
    else
        role="--address=$HEAD:$PORT"
    fi
    for _ in $(seq 30); do
        ray start $role --num-cpus="${SLURM_CPUS_PER_TASK:-$(nproc)}" --num-gpus="${SLURM_GPUS_ON_NODE:-0}" --block && exit
        sleep 5 # the head has not started yet
    done' &
nodes=$!
trap 'kill "$nodes" 2> /dev/null || true' EXIT

count_nodes='import ray, sys; ray.init(address=sys.argv[1]); print(sum(node["Alive"] for node in ray.nodes()))'
until [ "$(python -c "$count_nodes" "$HEAD:$PORT" 2> /dev/null || echo 0)" -ge "$SLURM_JOB_NUM_NODES" ]; do
    kill -0 "$nodes" # fails, and ends the job, if no node could start
    sleep 5
done

if [ -e "$CELLBENCH_HOME/searches/$name/request.yaml" ]; then
    python -m bench.search --resume "$name" --address "$HEAD:$PORT" &
else
    python -m bench.search --name "$name" --address "$HEAD:$PORT" "$@" &
fi
search=$!
stopped=""
trap 'stopped=yes; kill -TERM "$search"' TERM
while :; do
    stopped="" ended=0
    wait "$search" || ended=$?
    [ -n "$stopped" ] || break # SIGTERM interrupted the wait, not the search
done
if [ "$ended" = 130 ]; then # stopped, not finished
    scontrol requeue "$SLURM_JOB_ID"
fi
exit "$ended"
