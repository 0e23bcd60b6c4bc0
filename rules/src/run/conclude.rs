//! From attempts to outcomes: explanations are completed, logs kept, secrets masked, directories removed.

use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use super::Options;
use super::job::Attempt;
use crate::artifacts::{Keep, Log, LogDir, LogEntry, Mask, Store, tail, write_indices};
use crate::case::Case;
use crate::outcome::{CaseOutcome, Judged, KeptLog, Problem, Tail, Verdict};
use crate::sandbox::Isolation;
use crate::shown;

/// Lines of a log that a report shows.
const TAIL_LINES: usize = 20;

pub(super) struct Concluder<'a> {
    cases: &'a [Case],
    options: &'a Options,
    run_dir: PathBuf,
    store: Store,
    /// Most cases of a run are isolated alike.
    isolations: Vec<Rc<Isolation>>,
    unbegun: Rc<Isolation>,
    faults: Vec<String>,
}

impl<'a> Concluder<'a> {
    pub(super) fn new(cases: &'a [Case], options: &'a Options, run_dir: &Path) -> io::Result<Self> {
        let store = Store::open(&options.output_dir)?;
        let unbegun = Rc::new(Isolation::none("the case was not begun"));
        Ok(Self {
            cases,
            options,
            run_dir: run_dir.to_owned(),
            store,
            isolations: Vec::new(),
            unbegun,
            faults: Vec::new(),
        })
    }

    fn share(&mut self, isolation: &Isolation) -> Rc<Isolation> {
        let known = self.isolations.iter().find(|known| ***known == *isolation).cloned();
        known.unwrap_or_else(|| {
            let new = Rc::new(isolation.clone());
            self.isolations.push(Rc::clone(&new));
            new
        })
    }

    /// Writes the indices of what was kept. Returns what went wrong in the whole run.
    pub(super) fn finish(mut self, outcomes: &[CaseOutcome]) -> Vec<String> {
        if !self.store.is_empty() {
            let entries = outcomes.iter().flat_map(|outcome| outcome.logs.iter().map(|log| entry(outcome, log)));
            if let Err(error) = write_indices(&self.options.output_dir, entries.collect()) {
                self.faults.push(format!("can't write the index of the kept logs: {error}"));
            }
        }
        self.faults
    }

    /// The outcome of a case that was not begun.
    pub(super) fn not_run(&self, case: usize, repetition: Option<u32>, reason: &str) -> CaseOutcome {
        let skipped = |check| Judged { check, verdict: Verdict::Skipped(reason.to_owned()), time: Duration::ZERO };
        let checks = (0..self.cases[case].checks.len()).map(skipped).collect();
        let began = std::time::SystemTime::now();
        CaseOutcome { not_run: true, ..self.outcome(case, repetition, began, Duration::ZERO, checks) }
    }

    /// The outcome of a case, of which the last attempt is judged.
    pub(super) fn conclude(&mut self, case: usize, repetition: Option<u32>, mut attempts: Vec<Attempt>) -> CaseOutcome {
        let began = attempts.first().map_or_else(std::time::SystemTime::now, |attempt| attempt.began_at);
        let time = attempts.iter().map(|attempt| attempt.time).sum();
        let held = attempts.last().is_none_or(Attempt::held);
        let keep = match self.options.keep_logs {
            Keep::Always => true,
            Keep::Failed => !held,
            Keep::Never => false,
        };
        let mut outcome = self.outcome(case, repetition, began, time, Vec::new());
        let count = attempts.len();
        for (number, attempt) in attempts.iter_mut().enumerate() {
            let mask = self.mask(case, attempt);
            if keep {
                self.keep(&mut outcome, case, attempt, number + 1, number + 1 == count, &mask);
            }
            let attempt_logs: Vec<_> =
                outcome.logs.iter().filter(|log| log.attempt as usize == number + 1).cloned().collect();
            for judged in &mut attempt.checks {
                if let Verdict::Failed(problem) = &mut judged.verdict {
                    self.complete(problem, case, attempt.log_dir.as_ref(), &attempt_logs, &mask);
                }
            }
            if !self.options.keep_sandbox {
                // As a rule there is nothing else: to find that out costs more than to try.
                for (dir, log) in attempt.log_dir.iter().flat_map(|dir| attempt.logs.iter().map(move |log| (dir, log)))
                {
                    let _ = dir.remove(&log.file);
                }
                if let Err(error) = attempt.place.remove() {
                    self.faults.push(format!("can't remove the directory of `{}`: {error}", outcome.suite));
                }
            }
        }
        if let Some(last) = attempts.last() {
            outcome.isolation = self.share(&last.isolation);
        }
        outcome.checks = attempts.pop().map(|attempt| attempt.checks).unwrap_or_default();
        outcome.earlier = attempts.into_iter().map(|attempt| attempt.checks).collect();
        outcome
    }

    fn outcome(
        &self,
        index: usize,
        repetition: Option<u32>,
        started: std::time::SystemTime,
        time: Duration,
        checks: Vec<Judged>,
    ) -> CaseOutcome {
        let case = &self.cases[index];
        let run = repetition.map(|k| format!(" (run {k})")).unwrap_or_default();
        CaseOutcome {
            case: index,
            suite: format!("{}{run}", case.suite),
            classname: format!("{}{run}", case.classname),
            started,
            time,
            checks,
            earlier: Vec::new(),
            logs: Vec::new(),
            isolation: Rc::clone(&self.unbegun),
            not_run: false,
        }
    }

    /// What must not be seen, and what varies.
    fn mask(&self, case: usize, attempt: &Attempt) -> Mask {
        let case = &self.cases[case];
        let mask = Mask::secrets(secrets(case, &self.options.env));
        if !self.options.stable {
            return mask;
        }
        let path = |path: &Path| path.display().to_string();
        let dirs = [
            (path(&attempt.place.root), "SANDBOX", false),
            (path(&attempt.place.sockets), "SOCKETS", false),
            (path(&self.run_dir), "RUN", false),
        ];
        let varying = attempt.varying.iter().map(|(value, word)| (value.clone(), word.as_str(), true));
        mask.and(dirs.into_iter().chain(varying).map(|(value, word, number)| (value, word.to_owned(), number)))
    }

    fn keep(
        &mut self,
        outcome: &mut CaseOutcome,
        case: usize,
        attempt: &Attempt,
        number: usize,
        last: bool,
        mask: &Mask,
    ) {
        let Some(dir) = &attempt.log_dir else { return };
        for record in &attempt.logs {
            let stem = record.file.strip_suffix(&format!(".{}", record.stream.as_str())).unwrap_or(&record.file);
            let log = Log {
                dir,
                file: &record.file,
                class: &outcome.classname,
                attempt: u32::try_from(number).unwrap_or(u32::MAX),
                last,
                stem,
                stream: record.stream,
                name: &record.name,
                exit: attempt.exit(record.process),
                limit: self.cases[case].limits.log,
            };
            match self.store.keep(&log, mask) {
                Ok(kept) => outcome.logs.push(kept),
                Err(error) => {
                    self.faults.push(format!("can't keep {} of `{}`: {error}", record.stream.as_str(), record.name))
                }
            }
        }
    }

    /// Adds the ends of the logs to a problem, and masks it.
    fn complete(&self, problem: &mut Problem, case: usize, dir: Option<&LogDir>, kept: &[KeptLog], mask: &Mask) {
        for log in &problem.logs {
            // Of a response the beginning matters, and its problem tells it already.
            let lines = if log.process.is_some() { TAIL_LINES } else { 0 };
            let Some(Ok(file)) = dir.map(|dir| dir.log(&log.file)) else { continue };
            let Ok(Some((text, omitted))) = tail(file, (log.from, log.until), lines, mask) else { continue };
            let name = log.process.map(|process| self.cases[case].processes[process].name.as_str());
            let stream = log.file.rsplit('.').next().unwrap_or_default();
            let title = name.map_or_else(|| log.file.clone(), |name| format!("{name}.{stream}"));
            let kept = kept.iter().find(|kept| kept.path.ends_with(&format!("/{}.txt", log.file)));
            let omitted = if lines > 0 { omitted } else { 0 };
            if lines > 0 || kept.is_some() {
                problem.tails.push(Tail { log: title, text, omitted, kept: kept.map(|kept| kept.path.clone()) });
            }
        }
        if self.options.stable {
            for text in [&mut problem.message, &mut problem.label] {
                *text = shown::without_times(text);
            }
            problem.details.iter_mut().for_each(|detail| detail.text = shown::without_times(&detail.text));
        }
        if mask.is_empty() {
            return;
        }
        mask.apply(&mut problem.message);
        mask.apply(&mut problem.label);
        problem.expected.iter_mut().chain(&mut problem.got).for_each(|text| mask.apply(text));
        problem.details.iter_mut().for_each(|detail| mask.apply(&mut detail.text));
    }
}

/// The values of the secrets that a case declares.
fn secrets<'a>(case: &'a Case, env: &'a std::collections::BTreeMap<String, String>) -> Vec<&'a str> {
    let own = case.env.iter().chain(case.processes.iter().flat_map(|process| &process.env));
    let declared = own.filter_map(|(name, text)| Some((name.as_str(), text.as_literal()?)));
    let inherited = case.inherited.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let fixed = env.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let all = declared.chain(inherited).chain(fixed);
    all.filter(|(name, _)| case.secrets.iter().any(|secret| secret == name)).map(|(_, value)| value).collect()
}

fn entry(outcome: &CaseOutcome, log: &KeptLog) -> LogEntry {
    LogEntry {
        digest: format!("sha256:{}", log.digest),
        size: log.size,
        suite: outcome.suite.clone(),
        classname: outcome.classname.clone(),
        process: log.name.clone(),
        stream: log.stream.as_str().to_owned(),
        lines: log.lines,
        exit: log.exit,
        attempt: log.attempt,
        path: log.path.clone(),
    }
}
