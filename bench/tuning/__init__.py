"""The only package that imports Ray: trials as Ray Tune trainables, samplers, schedulers, stages, the cluster.

Ray reads its environment when it is imported. So it is set here, before any module of this package imports Ray.
"""

import os

ENVIRONMENT = {
    "RAY_AUTH_MODE": "token",  # Ray's ports listen on all interfaces
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AIR_NEW_OUTPUT": "0",  # else verbose=0 still prints a box
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_DEDUP_LOGS": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
    "TUNE_GLOBAL_CHECKPOINT_S": "3600",  # a resumed search reads its own folder and not Ray's
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
}

for _name, _value in ENVIRONMENT.items():
    os.environ.setdefault(_name, _value)
# Not only a default: without a token, anyone who reaches a port of Ray can run code here.
os.environ["RAY_AUTH_MODE"] = ENVIRONMENT["RAY_AUTH_MODE"]
