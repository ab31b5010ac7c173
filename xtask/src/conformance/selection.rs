//! Which cases are played.

/// A section of the suite with the number of its cases, so that none can be missing unseen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Section {
    pub(super) number: u32,
    pub(super) cases: usize,
    /// Patterns of the cases that are played.
    patterns: &'static [&'static str],
}

#[derive(Debug)]
pub(super) struct Selection {
    pub(super) sections: Vec<Section>,
}

/// Framing, pings, reserved bits, opcodes, fragments, UTF-8, closing, large messages, and one of all sorts.
const FRAMES: [Section; 9] = [
    section(1, 16, &["1.*"]),
    section(2, 11, &["2.*"]),
    section(3, 7, &["3.*"]),
    section(4, 10, &["4.*"]),
    section(5, 20, &["5.*"]),
    section(6, 145, &["6.*"]),
    section(7, 37, &["7.*"]),
    section(9, 54, &["9.*"]),
    section(10, 1, &["10.*"]),
];

/// Compression: of many kinds of data and sizes of messages, and under the parameters that can be agreed on.
const COMPRESSION: [Section; 2] = [section(12, 90, &["12.*"]), section(13, 126, &["13.*"])];

/// Of each kind of data, and under each choice of parameters, four of the eighteen: messages of 16 bytes, 1 KiB and
/// 16 KiB, and of 8 KiB in fragments of 256 bytes. All of the others are longer ones, which take minutes.
const SOME_COMPRESSION: [Section; 2] = [
    section(
        12,
        20,
        &[
            "12.1.1", "12.1.4", "12.1.7", "12.1.11", "12.2.1", "12.2.4", "12.2.7", "12.2.11",
            "12.3.1", "12.3.4", "12.3.7", "12.3.11", "12.4.1", "12.4.4", "12.4.7", "12.4.11",
            "12.5.1", "12.5.4", "12.5.7", "12.5.11",
        ],
    ),
    section(
        13,
        28,
        &[
            "13.1.1", "13.1.4", "13.1.7", "13.1.11", "13.2.1", "13.2.4", "13.2.7", "13.2.11",
            "13.3.1", "13.3.4", "13.3.7", "13.3.11", "13.4.1", "13.4.4", "13.4.7", "13.4.11",
            "13.5.1", "13.5.4", "13.5.7", "13.5.11", "13.6.1", "13.6.4", "13.6.7", "13.6.11",
            "13.7.1", "13.7.4", "13.7.7", "13.7.11",
        ],
    ),
];

const fn section(number: u32, cases: usize, patterns: &'static [&'static str]) -> Section {
    Section {
        number,
        cases,
        patterns,
    }
}

impl Selection {
    /// All 517 cases.
    pub(super) fn all() -> Selection {
        Selection {
            sections: [&FRAMES[..], &COMPRESSION].concat(),
        }
    }

    /// What takes less than a minute.
    pub(super) fn quick() -> Selection {
        Selection {
            sections: [&FRAMES[..], &SOME_COMPRESSION].concat(),
        }
    }

    /// As arguments of kosoku.
    pub(super) fn arguments(&self) -> impl Iterator<Item = &'static str> {
        let patterns = self.sections.iter().flat_map(|section| section.patterns);
        patterns.flat_map(|pattern| ["--include", pattern])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cases(selection: &Selection) -> usize {
        selection.sections.iter().map(|section| section.cases).sum()
    }

    #[test]
    fn all_is_the_whole_suite() {
        assert_eq!(cases(&Selection::all()), 517);
    }

    #[test]
    fn the_quick_selection_has_all_of_the_frames_and_some_of_each_kind_of_compression() {
        assert_eq!(cases(&Selection::quick()), 301 + 48);
        for section in SOME_COMPRESSION {
            assert_eq!(section.patterns.len(), section.cases);
        }
    }
}
