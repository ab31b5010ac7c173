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

    /// What takes seconds.
    pub(super) fn quick() -> Selection {
        Selection {
            sections: FRAMES.to_vec(),
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
    fn the_quick_selection_leaves_only_compression_out() {
        assert_eq!(cases(&Selection::quick()), 301);
    }
}
