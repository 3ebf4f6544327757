kept=/opt/cni/replaced

exists() { [ -e "$1" ] || [ -L "$1" ]; }
# Not -ef, which follows symbolic links.
same() { exists "$1" && exists "$2" && [ "$(stat -c %d:%i "$1")" = "$(stat -c %d:%i "$2")" ]; }
# Before dpkg writes the new file, both are names of one file.
has_new_file() { exists "$2" && ! same "$1" "$2"; }

# Puts back the files that preinst kept, and ends the diversions; with "unused", only where the package has no file.
restore() {
  dpkg-divert --list plumb-cni-plugins | sed -n 's|^.*diversion of \(/opt/cni/bin/[^ ]*\) to .*|\1|p' | while read -r path; do
    old=$kept/${path##*/}
    if [ "$1" = unused ] && has_new_file "$old" "$path"; then continue; fi
    # mv refuses two names of one file.
    if same "$old" "$path"; then rm "$old"; elif exists "$old"; then mv -f "$old" "$path"; fi
    dpkg-divert --package plumb-cni-plugins --no-rename --divert "$old" --remove "$path" >/dev/null
  done
  [ ! -d "$kept" ] || rmdir --ignore-fail-on-non-empty "$kept"
}
