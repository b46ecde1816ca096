/**
 * The shell scripts that moat itself runs while an image is built.
 *
 * @module
 */

/** Where downloaded packages lie: images of Debian empty apt's own place after each step. */
const ARCHIVES = "/var/cache/moat-apt";
const LISTS = "/var/lib/apt/lists";

/** Directories that {@linkcode APT_SCRIPT} would have kept between builds. */
export const APT_CACHES: readonly string[] = [ARCHIVES, LISTS];

/** Installs "$@". What is no cache outside of the image is removed again. */
export const APT_SCRIPT = `
export DEBIAN_FRONTEND=noninteractive
mkdir -p ${ARCHIVES}/partial
apt-get update -qq
apt-get install -qq --yes --no-install-recommends -o Dir::Cache::archives=${ARCHIVES} "$@"
for cache in ${ARCHIVES} ${LISTS}; do
  mountpoint -q "$cache" || find "$cache" -mindepth 1 -delete
done`;

/** The first step: refuses a base that is not Debian's kind, then installs "$@". */
export const BASE_SCRIPT = `
ID=unknown ID_LIKE=
[ ! -r /etc/os-release ] || . /etc/os-release
case " $ID $ID_LIKE " in
  *" debian "*|*" ubuntu "*) ;;
  *) echo "moat: base_image must be Debian or made from it, this one is $ID" >&2; exit 1;;
esac
${APT_SCRIPT.trim()}`;

/** Makes moatuser 1000:1000, out of whoever has these ids in the base. */
export const USER_SCRIPT = `
group=$(getent group 1000 | cut -d: -f1)
case $group in
  moatuser) ;;
  "") groupadd --gid 1000 moatuser;;
  *) groupmod --new-name moatuser "$group";;
esac
user=$(getent passwd 1000 | cut -d: -f1)
case $user in
  moatuser) ;;
  "") useradd --uid 1000 --gid 1000 --create-home --shell /bin/bash moatuser;;
  *) usermod --login moatuser --gid 1000 --home /home/moatuser --move-home "$user";;
esac
install -d --owner moatuser --group moatuser /home/moatuser /workspace`;

/** Runs the hook named $0, the file $1, and says which of its lines failed. */
export const HOOK_SCRIPT = `
set -eE
trap 'code=$?; echo "moat: $0 failed in line $LINENO: $BASH_COMMAND (exit code $code)" >&2' ERR
. "$1"`.trim();
