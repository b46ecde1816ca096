#!/bin/sh
# Shows where it runs, reads the environment, and writes a file into the project.
set -eu
echo "$GREETING, run $MOAT_RUN_NAME ($MOAT_RUN_ID)"
echo "system:    $(uname -sr), $(. /etc/os-release && echo "$PRETTY_NAME")"
echo "user:      $(id -un) ($(id -u)), home $HOME"
echo "directory: $(pwd), with $(ls | wc -l | tr -d ' ') entries"
echo "processes: $(ls /proc | grep -c '^[0-9]') in sight"
date -u +'written by a run at %Y-%m-%dT%H:%M:%SZ' >greeting.txt
echo "wrote:     greeting.txt: $(cat greeting.txt)"
