//! Finding transcripts in a Markdown file.

/// A fenced block of the kind `transcript`.
#[derive(Debug)]
pub(super) struct Block<'a> {
    /// The headings it stands under, outermost first.
    pub(super) title: String,
    /// The number of its first line in the file, from 0.
    pub(super) first: usize,
    pub(super) lines: Vec<&'a str>,
}

const FENCE: &str = "```";

pub(super) fn blocks(markdown: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut headings: Vec<(usize, &str)> = Vec::new();
    let mut lines = markdown.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        if let Some(kind) = line.strip_prefix(FENCE) {
            let body = lines.by_ref().map(|(_, line)| line);
            let body: Vec<&str> = body.take_while(|line| !line.starts_with(FENCE)).collect();
            if kind.trim() == "transcript" {
                let titles: Vec<&str> = headings.iter().map(|(_, title)| *title).collect();
                blocks.push(Block {
                    title: titles.join(" › "),
                    first: number + 1,
                    lines: body,
                });
            }
        } else if line.starts_with('#') {
            let depth = line.bytes().take_while(|&byte| byte == b'#').count();
            headings.retain(|(other, _)| *other < depth);
            headings.push((depth, line[depth..].trim()));
        }
    }
    blocks
}
