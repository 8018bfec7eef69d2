#!/bin/sh
# Make the secrets that compose.yaml gives to its services, in `secrets/`; one that is there stays.
#
# The folder is its owner's alone. The files in it can be read by the users of the containers,
# which see them without the folder.
set -eu
cd "$(dirname "$0")/.."
mkdir -p secrets
chmod 700 secrets

random() {
    od -An -N32 -tx1 /dev/urandom | tr -d ' \n'
}

keep() {
    [ -s "secrets/$1" ] && return
    printf '%s\n' "$2" > "secrets/.$1"
    chmod 444 "secrets/.$1"
    mv "secrets/.$1" "secrets/$1"
    echo "made secrets/$1"
}

keep secret_key "$(random)$(random)"
keep database_password "$(random)"
keep database_url "postgres://docportal:$(cat secrets/database_password)@database:5432/docportal"
keep redis_password "$(random)"
keep broker_url "redis://:$(cat secrets/redis_password)@redis:6379/0"
keep llm_api_key "$(random)"
keep metrics_token "$(random)"
