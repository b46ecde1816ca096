/**
 * The part of the Perl programs that set a sandbox up which all of them share: system calls by
 * number, frames on standard input, dropping of privileges.
 *
 * Perl, because perl-base is part of every Debian, starts in a few milliseconds and can call what
 * a shell cannot. No modules are used: they cost more time than everything else here.
 *
 * @module
 */

/**
 * Given to `perl -e`: reads the program itself, and later its orders, from standard input as frames
 * of ten digits and that many bytes. So neither appears in a process list or on disk.
 */
export const BOOTSTRAP = String.raw`
sub frame {
  my $wanted = 10;
  for my $part (0, 1) {
    my $bytes = "";
    while (length($bytes) < $wanted) {
      my $got = sysread(STDIN, $bytes, $wanted - length($bytes), length($bytes));
      exit 125 if !$got;
    }
    return $bytes if $part;
    $wanted = $bytes + 0;
  }
}
eval(frame() . ";1") or do { print STDERR "moat: $@"; exit 125 };
`;

/** One frame for {@linkcode BOOTSTRAP}. */
export function frame(payload: string): Uint8Array {
  const bytes = new TextEncoder().encode(payload);
  const framed = new Uint8Array(10 + bytes.length);
  framed.set(new TextEncoder().encode(String(bytes.length).padStart(10, "0")));
  framed.set(bytes, 10);
  return framed;
}

/** Fields of one frame; no field contains a NUL. @throws TypeError when one does */
export function fields(values: readonly string[]): string {
  if (values.some((value) => value.includes("\0"))) throw new TypeError("A field contains NUL");
  return values.join("\0");
}

/** Put in front of every program. */
export function commonScript(arch: "amd64" | "arm64"): string {
  const numbers = Object.entries(SYSCALLS).map(([name, [amd64, arm64]]) =>
    `${name} => ${arch === "amd64" ? amd64 : arm64}`
  );
  const [directory, noFollow] = arch === "amd64" ? [0o200000, 0o400000] : [0o40000, 0o100000];
  return `our %NR = (${numbers.join(", ")});\n` +
    `our ($O_DIRECTORY, $O_NOFOLLOW) = (${directory}, ${noFollow});\n${COMMON}`;
}

/** System call numbers: x86_64 and aarch64. */
const SYSCALLS = {
  capset: [126, 91],
  close: [3, 57],
  keyctl: [250, 219],
  mkdirat: [258, 34],
  mount: [165, 40],
  mount_setattr: [442, 442],
  openat: [257, 56],
  pivot_root: [155, 41],
  prctl: [157, 167],
  prlimit64: [302, 261],
  rt_sigprocmask: [14, 135],
  sethostname: [170, 161],
  setns: [308, 268],
  setresgid: [119, 149],
  setresuid: [117, 147],
  setgroups: [116, 159],
  setsid: [112, 157],
  signalfd4: [289, 74],
  umount2: [166, 39],
  unshare: [272, 97],
} as const;

const COMMON = String.raw`
$^F = 2;
sub fail {
  my $reason = "$!";
  print STDERR "moat: cannot $_[0]: $reason\n";
  exit 125;
}
sub must {
  my ($what, $name, @arguments) = @_;
  my $result = syscall($NR{$name}, @arguments);
  fail($what) if $result == -1;
  return $result;
}
sub write_file {
  my ($path, $text) = @_;
  open(my $file, ">", $path) or fail("open $path");
  defined(syswrite($file, $text)) or fail("write $path");
  close($file);
}
# Descriptors that moat itself inherited are ways out of the sandbox.
sub close_inherited {
  my %kept = map { $_ => 1 } (0, 1, 2, @_);
  opendir(my $directory, "/proc/self/fd") or fail("list open files");
  my @open = grep { /^\d+$/ && !$kept{$_} } readdir($directory);
  closedir($directory);
  syscall($NR{close}, $_ + 0) for @open;
}
# Returns a handle of an inherited descriptor that no program started from here gets.
sub adopt {
  my ($number) = @_;
  open(my $handle, ">>&=", $number) or fail("use descriptor $number");
  fcntl($handle, 2, 1);
  return $handle;
}
sub drop_privileges {
  my (%without) = @_;
  # The keys of the session that moat was started in stay behind.
  syscall($NR{keyctl}, 1, 0) if !$without{"keyring"};
  if (!$without{"capabilities"}) {
    for my $capability (0 .. 63) {
      last if syscall($NR{prctl}, 24, $capability, 0, 0, 0) == -1;
    }
    syscall($NR{prctl}, 47, 4, 0, 0, 0);
    my ($header, $none) = (pack("LL", 0x20080522, 0), "\0" x 24);
    must("drop capabilities", "capset", $header, $none);
  }
  must("set no_new_privs", "prctl", 38, 1, 0, 0, 0) if !$without{"no-new-privileges"};
}
`;
