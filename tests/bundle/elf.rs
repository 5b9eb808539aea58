//! How a binary is hardened, read from its ELF headers: 64 bit, little endian, which is all that we build.
//!
//! Only what decides is read: the type, the program headers and the dynamic section. See the System V ABI and
//! `man 5 elf` for the layout; the constants have the names they have there.

use std::fmt::Write as _;

const ET_EXEC: u16 = 2;
const ET_DYN: u16 = 3;

const PT_LOAD: u32 = 1;
const PT_DYNAMIC: u32 = 2;
const PT_INTERP: u32 = 3;
const PT_GNU_STACK: u32 = 0x6474_e551;
const PT_GNU_RELRO: u32 = 0x6474_e552;

const PF_X: u32 = 1;
const PF_W: u32 = 2;

const DT_NEEDED: u64 = 1;
const DT_BIND_NOW: u64 = 24;
const DT_FLAGS: u64 = 30;
const DT_FLAGS_1: u64 = 0x6fff_fffb;

const DF_BIND_NOW: u64 = 8;
const DF_1_NOW: u64 = 1;
const DF_1_PIE: u64 = 0x0800_0000;

/// What the headers say, a line for each property.
pub fn describe(binary: &[u8]) -> String {
    assert!(binary.starts_with(b"\x7fELF\x02\x01"), "no 64-bit little-endian ELF file");
    let kind = number(binary, 16, 2) as u16;
    let segments = segments(binary);
    let find = |wanted: u32| segments.iter().find(|segment| segment.kind == wanted);
    let entries = find(PT_DYNAMIC).map_or_else(Vec::new, |segment| dynamic(binary, segment));
    let value = |tag: u64| entries.iter().find(|entry| entry.0 == tag).map(|entry| entry.1);
    let bit = |tag: u64, bit: u64| value(tag).unwrap_or(0) & bit != 0;

    let pie = kind == ET_DYN && bit(DT_FLAGS_1, DF_1_PIE);
    let now = value(DT_BIND_NOW).is_some() || bit(DT_FLAGS, DF_BIND_NOW) || bit(DT_FLAGS_1, DF_1_NOW);
    let relro = match (find(PT_GNU_RELRO).is_some(), now) {
        (true, true) => "full",
        (true, false) => "partial",
        (false, _) => "none",
    };
    let needed = entries.iter().filter(|entry| entry.0 == DT_NEEDED).count();
    let both = segments.iter().filter(|segment| segment.kind == PT_LOAD && segment.flags & PF_W != 0);
    let both = both.filter(|segment| segment.flags & PF_X != 0).count();
    let stack = find(PT_GNU_STACK).map_or("executable", |segment| match segment.flags & PF_X {
        0 => "not executable",
        _ => "executable",
    });
    let mut text = String::new();
    let code = match (kind, pie) {
        (ET_DYN, true) => "position independent",
        (ET_EXEC, _) => "at a fixed address",
        _ => "not a program",
    };
    let interpreter = if find(PT_INTERP).is_some() { "wanted" } else { "none" };
    let _ = writeln!(text, "code: {code}");
    let _ = writeln!(text, "dynamic loader: {interpreter}");
    let _ = writeln!(text, "shared libraries: {needed}");
    let _ = writeln!(text, "relocations read-only after start (RELRO): {relro}");
    let _ = writeln!(text, "stack (NX): {stack}");
    let _ = writeln!(text, "segments writable and executable: {both}");
    text
}

struct Segment {
    kind: u32,
    flags: u32,
    offset: usize,
    size: usize,
}

fn segments(binary: &[u8]) -> Vec<Segment> {
    let (start, size, count) = (number(binary, 32, 8), number(binary, 54, 2), number(binary, 56, 2));
    let one = |index: u64| {
        let at = (start + index * size) as usize;
        Segment {
            kind: number(binary, at, 4) as u32,
            flags: number(binary, at + 4, 4) as u32,
            offset: number(binary, at + 8, 8) as usize,
            size: number(binary, at + 32, 8) as usize,
        }
    };
    (0..count).map(one).collect()
}

/// Tags and values of the dynamic section.
fn dynamic(binary: &[u8], segment: &Segment) -> Vec<(u64, u64)> {
    let entry = |at: usize| (number(binary, at, 8), number(binary, at + 8, 8));
    (segment.offset..segment.offset + segment.size).step_by(16).map(entry).take_while(|entry| entry.0 != 0).collect()
}

fn number(binary: &[u8], at: usize, size: usize) -> u64 {
    let bytes = binary.get(at..at + size).unwrap_or_else(|| panic!("the ELF file ends before byte {at}"));
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}
