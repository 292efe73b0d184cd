//! Rule sets of any size, made up: no text of anybody's rules, but their shapes — text, `nocase`, `wide`, hex with
//! wildcards and jumps, regular expressions, conditions on PE and ELF structure — in the proportions of public packs.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::Result;

/// Rules in one file.
const A_FILE: usize = 250;

/// Writes `count` rules to `folder`, some hundreds a file. The same count gives the same rules.
pub fn write(folder: &Path, count: usize) -> Result<()> {
    fs::create_dir_all(folder)?;
    let mut dice = Dice(0x5eed);
    for (number, first) in (0..count).step_by(A_FILE).enumerate() {
        let mut text = String::from("// Made up for measurements.\nimport \"pe\"\nimport \"elf\"\nimport \"math\"\n\n");
        for index in first..count.min(first + A_FILE) {
            text.push_str(&rule(index, &mut dice));
        }
        fs::write(folder.join(format!("made-up-{number:03}.yar")), text)?;
    }
    Ok(())
}

fn rule(index: usize, dice: &mut Dice) -> String {
    let mut strings = String::new();
    let count = 2 + dice.below(4);
    for number in 0..count {
        let pattern = pattern(dice);
        writeln!(strings, "        $s{number} = {pattern}").expect("writing to a string does not fail");
    }
    let half = count.div_ceil(2);
    let condition = match dice.below(10) {
        0 => "pe.is_pe and pe.number_of_sections > 3 and 2 of them".to_owned(),
        1 => "elf.type == elf.ET_EXEC and any of them".to_owned(),
        2 => format!("elf.number_of_sections > 20 and {half} of them"),
        3 => "uint16(0) == 0x5A4D and filesize < 5MB and all of them".to_owned(),
        4 => format!("uint32(0) == 0x464C457F and filesize < 20MB and {half} of them"),
        5 => "math.entropy(0, 4096) > 7.5 and any of them".to_owned(),
        6 => "for any i in (1..#s0) : (@s0[i] < 4096) and all of them".to_owned(),
        _ => format!("{} of them", (half + 1).min(count)),
    };
    format!(
        "rule Made_Up_{index:05} {{\n    meta:\n        author = \"Assay benches\"\n        score = {}\n    strings:\n{strings}    condition:\n        {condition}\n}}\n\n",
        40 + dice.below(60)
    )
}

fn pattern(dice: &mut Dice) -> String {
    match dice.below(10) {
        0..=3 => format!("\"{}\"", dice.words()),
        4 => format!("\"{}\" nocase", dice.words()),
        5 => format!("\"{}\" wide ascii", dice.words()),
        6..=7 => dice.hex(),
        8 => format!("/{}[0-9a-f]{{4,16}}{}/", dice.word(), dice.word()),
        _ => format!("/(https?|ftp):\\/\\/{}\\.[a-z]{{2,8}}\\/{}\\.(php|asp)/ nocase", dice.word(), dice.word()),
    }
}

/// A sequence that is the same in every run (`SplitMix64`).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// A number below `bound`.
    fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound.max(1)).unwrap_or(u64::MAX);
        usize::try_from(self.next() % bound).unwrap_or(0)
    }

    fn word(&mut self) -> String {
        (0..5 + self.below(8)).map(|_| char::from(b"abcdefghijklmnopqrstuvwxyz"[self.below(26)])).collect()
    }

    /// What stands in binaries: paths, calls, messages.
    fn words(&mut self) -> String {
        let (first, second) = (self.word(), self.word());
        match self.below(4) {
            0 => format!("{first}_{second}"),
            1 => format!("/tmp/.{first}/{second}"),
            2 => format!("Cannot {first} the {second}"),
            _ => format!("{first}{second}.dll"),
        }
    }

    fn hex(&mut self) -> String {
        let mut text = String::from("{ ");
        for position in 0..10 + self.below(14) {
            // Four fixed bytes at the start, as every usable pattern has somewhere.
            match self.below(12) {
                0 if position > 3 => text.push_str("?? "),
                1 if position > 3 => text.push_str("[2-6] "),
                2 if position > 3 => write!(text, "{:X}? ", self.below(16)).expect("writing to a string does not fail"),
                _ => write!(text, "{:02X} ", 1 + self.below(255)).expect("writing to a string does not fail"),
            }
        }
        write!(text, "{:02X} }}", 1 + self.below(255)).expect("writing to a string does not fail");
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_made_up_rule_compiles() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), 600).unwrap();
        let mut compiler = yara_x::Compiler::new();
        let mut files: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        for file in files {
            compiler.add_source(fs::read_to_string(file).unwrap().as_str()).unwrap();
        }
        assert_eq!(compiler.build().iter().len(), 600);
    }
}
