//! What the doctor found, a line each: how grave, where, what, and the mend.

use super::table::Look;
use super::wrap::wrapped;
use crate::client::doctor::{Finding, Grade};

/// Where the sentence begins.
const INDENT: usize = "problem  connection  ".len();

/// One finding with its mend, as wide as the terminal.
pub(crate) fn line(finding: &Finding, look: Look) -> String {
    laid_out(finding, look, look.width())
}

fn laid_out(finding: &Finding, look: Look, width: Option<usize>) -> String {
    let grade = look.painted(&format!("{:<8}", finding.grade.word()), colour(finding.grade));
    let said = match finding.mend.as_deref().filter(|mend| !mend.is_empty()) {
        Some(mend) => format!("{}. {mend}", finding.message.trim_end_matches('.')),
        None => finding.message.clone(),
    };
    // Colours take no room: what stands before the sentence is blank while the sentence is broken.
    let said = wrapped(&format!("{:INDENT$}{said}", ""), width, INDENT);
    format!("{grade} {:<11} {}", finding.step.word(), &said[INDENT..])
}

/// All of them in a line.
pub(crate) fn sum(findings: &[Finding]) -> String {
    let count = |grade| findings.iter().filter(|finding| finding.grade == grade).count();
    match (count(Grade::Problem), count(Grade::Warning)) {
        (0, 0) => "all is well".to_owned(),
        (problems, warnings) => {
            let said = |count: usize, one: &str| match count {
                0 => None,
                1 => Some(format!("1 {one}")),
                more => Some(format!("{more} {one}s")),
            };
            let parts: Vec<_> = [said(problems, "problem"), said(warnings, "warning")].into_iter().flatten().collect();
            parts.join(", ")
        }
    }
}

/// The number of the colour in ANSI's sequences (ECMA-48 8.3.117).
fn colour(grade: Grade) -> u8 {
    match grade {
        Grade::Fine => 32,
        Grade::Note => 90,
        Grade::Warning => 33,
        Grade::Problem => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::doctor::Step;

    fn finding(grade: Grade, mend: Option<&str>) -> Finding {
        Finding { step: Step::Tls, grade, message: "it is so".to_owned(), mend: mend.map(str::to_owned) }
    }

    #[test]
    fn a_finding_is_one_line_with_its_mend() {
        let problem = finding(Grade::Problem, Some("Change it."));
        assert_eq!(line(&problem, Look::Piped), "problem  tls         it is so. Change it.");
        assert_eq!(line(&finding(Grade::Fine, None), Look::Piped), "fine     tls         it is so");
        assert!(line(&problem, Look::Coloured).starts_with("\u{1b}[31mproblem "));
    }

    #[test]
    fn a_long_finding_is_broken_beside_its_step() {
        let problem = finding(Grade::Problem, Some("Change it, and everything like it."));
        assert_eq!(
            laid_out(&problem, Look::Piped, Some(48)),
            "problem  tls         it is so. Change it, and\n                     everything like it."
        );
    }

    #[test]
    fn the_sum_counts_what_wants_a_mend() {
        assert_eq!(sum(&[finding(Grade::Fine, None), finding(Grade::Note, None)]), "all is well");
        let all = [Grade::Warning, Grade::Problem, Grade::Warning].map(|grade| finding(grade, Some("")));
        assert_eq!(sum(&all), "1 problem, 2 warnings");
    }
}
