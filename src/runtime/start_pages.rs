//! Pages of the program that only the start needed are given back.
//!
//! The kernel maps 64 KiB of the program around each place that runs, and what is mapped counts as memory of the process for
//! as long as it lives. Reading the flags, building the routes and opening the ports run through a quarter of what a small node has
//! mapped, and it never comes there again: "What only the start needs" in `ARCHITECTURE.md` has the figures.
//!
//! Only the program's own code and constants are given back, so nothing can be lost: what is needed again comes back from the
//! system's cache of files or from the disk, 64 KiB at a time, as it came at the start.

#[cfg(target_os = "linux")]
pub(crate) use self::kernel::release;

/// Other systems map and count in their own ways.
#[cfg(not(target_os = "linux"))]
pub(crate) fn release() {}

#[cfg(target_os = "linux")]
mod kernel {
    use std::ops::Range;

    use rustix::mm::{Advice, madvise};

    /// Lies among the constants of the program.
    static CONSTANT: &str = "a constant of the program";

    /// Gives back what it can. Where the system does not say what is mapped, or refuses, all stays as it was.
    pub(crate) fn release() {
        let mappings = std::fs::read("/proc/self/smaps").unwrap_or_default();
        for Range { start, end } in unchanged_files(&String::from_utf8_lossy(&mappings)).into_iter().filter(is_own) {
            let address = std::ptr::with_exposed_provenance_mut(start);
            // SAFETY: Code or constants of the program that runs. They cannot be written, nothing unmaps them or puts
            // something else in their place while it runs, and the kernel knows no page of them that differs from the file.
            // So a page that was given back has the same bytes when it is next read.
            #[expect(unsafe_code, reason = "no crate has this call as a safe function")]
            let _ = unsafe { madvise(address, end - start, Advice::LinuxDontNeed) };
        }
    }

    /// Whether a mapping holds code or constants of this program. Those of libraries come and go, in other threads, too. And
    /// where an emulator makes up what it says of pages, what the loader has written is still none of these two.
    fn is_own(mapping: &Range<usize>) -> bool {
        let code: fn() = release;
        [code as usize, CONSTANT.as_ptr().addr()].iter().any(|own| mapping.contains(own))
    }

    /// The addresses of private mappings of files that cannot be written, and never were. Those that were written when the
    /// program was loaded have pages of their own, in memory (`Anonymous`) or not (`Swap`).
    fn unchanged_files(smaps: &str) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        let mut file = None;
        let (mut copies, mut swapped) = (false, false);
        for line in smaps.lines() {
            if let Some(mapping) = mapping(line) {
                file = mapping;
                (copies, swapped) = (true, true);
            } else if let Some(size) = line.strip_prefix("Anonymous:") {
                copies = size.trim() != "0 kB";
            } else if let Some(size) = line.strip_prefix("Swap:") {
                swapped = size.trim() != "0 kB";
            }
            if !copies && !swapped {
                found.extend(file.take());
            }
        }
        found
    }

    /// The first line of a mapping: its addresses, where it is one of a file that can be read and not be written.
    fn mapping(line: &str) -> Option<Option<Range<usize>>> {
        let mut fields = line.split_ascii_whitespace();
        let (start, end) = fields.next()?.split_once('-')?;
        let addresses = usize::from_str_radix(start, 16).ok()?..usize::from_str_radix(end, 16).ok()?;
        let readable = fields.next().is_some_and(|rights| matches!(rights, "r--p" | "r-xp"));
        let is_file = fields.nth(2).is_some_and(|inode| inode != "0");
        Some((readable && is_file).then_some(addresses))
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        /// As Linux 6.18 writes it, without the lines that are not read.
        const SMAPS: &str = "\
7f0000000000-7f00001fe000 r--p 00000000 fe:00 1207959                    /heartbeat
Size:               2040 kB
Anonymous:             0 kB
Swap:                  0 kB
7f00001fe000-7f0000865000 r-xp 001fd000 fe:00 1207959                    /heart beat (deleted)
Rss:                5408 kB
Anonymous:             0 kB
AnonHugePages:         0 kB
Swap:                  0 kB
SwapPss:               0 kB
7f0000866000-7f000088e000 r--p 00864000 fe:00 1207959                    /heartbeat
Anonymous:           156 kB
Swap:                  0 kB
7f000088e000-7f0000892000 rw-p 0088b000 fe:00 1207959                    /heartbeat
Anonymous:             0 kB
Swap:                  0 kB
7f0000892000-7f0000899000 r--p 00000000 00:00 0
Anonymous:             0 kB
Swap:                  0 kB
7f0000900000-7f0000928000 r--p 00864000 fe:00 1207959                    /swapped
Anonymous:             0 kB
Swap:                156 kB
7f0000a00000-7f0000a01000 r--s 00000000 fe:00 1207960                    /shared
Anonymous:             0 kB
Swap:                  0 kB
7f0000b00000-7f0000b02000 r-xp 00000000 00:00 0                          [vdso]
Anonymous:             0 kB
Swap:                  0 kB
7f0000c00000-7f0000c02000 r-xp 00000000 fe:00 1207961                    /lib/cut-off
Anonymous:             0 kB
";

        #[test]
        fn only_what_was_never_written() {
            let found = unchanged_files(SMAPS);
            assert_eq!(found, [0x7f00_0000_0000..0x7f00_001f_e000, 0x7f00_001f_e000..0x7f00_0086_5000]);
        }

        #[test]
        fn what_cannot_be_read_is_no_mapping() {
            for line in ["", "-", "Rss: 4 kB", "x-y r-xp 0 0 7 /a", "10-20", "10-20 r-xp", "10-20 rwxp 0 0 7 /a"] {
                assert_eq!(unchanged_files(&format!("{line}\nAnonymous: 0 kB\nSwap: 0 kB\n")), [], "{line:?}");
            }
        }

        /// An emulator that says of no page that it was changed does not have the loader's pages given back.
        #[test]
        fn of_this_program_its_code_and_constants_and_nothing_else() {
            let mappings = std::fs::read_to_string("/proc/self/smaps").unwrap();
            let own: Vec<_> = unchanged_files(&mappings).into_iter().filter(is_own).collect();
            assert_eq!(own.len(), 2, "{mappings}");
            let nothing_changed: String =
                mappings
                    .lines()
                    .map(|line| {
                        if line.starts_with("Anonymous:") {
                            "Anonymous: 0 kB\n".to_owned()
                        } else {
                            format!("{line}\n")
                        }
                    })
                    .collect();
            assert!(unchanged_files(&nothing_changed).len() > unchanged_files(&mappings).len(), "{mappings}");
            assert_eq!(unchanged_files(&nothing_changed).into_iter().filter(is_own).collect::<Vec<_>>(), own);
        }

        /// Runs on with all of it given back; that it is fewer pages is seen with a real node, in `tests/end_to_end`.
        #[test]
        fn the_program_goes_on() {
            let before = CONSTANT.to_owned();
            for _ in 0..3 {
                release();
                assert_eq!(CONSTANT, before);
            }
        }
    }
}
