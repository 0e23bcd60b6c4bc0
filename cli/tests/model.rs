//! The turn rule of the contract's section 3, as a model: read off the text, not off the program.
//!
//! Included by tests of both crates.

/// How a process ends, or how it must.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Code(u8),
    Sigterm,
}

/// Processes, with the ends that are expected of them.
pub(crate) type Set = Vec<(usize, Vec<End>)>;

/// A step of a plan.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    Spawn(Vec<usize>),
    Wait(Set),
    Kill(Set),
    Run(usize, Vec<End>),
}

impl Op {
    /// Whose exits complete the step: of `wait`, `waitPar`, `kill` and `run`.
    fn set(&self) -> Option<Set> {
        match self {
            Self::Spawn(_) => None,
            Self::Wait(set) | Self::Kill(set) => Some(set.clone()),
            Self::Run(process, ends) => Some(vec![(*process, ends.clone())]),
        }
    }

    fn starts(&self) -> Vec<usize> {
        match self {
            Self::Spawn(processes) => processes.clone(),
            Self::Run(process, _) => vec![*process],
            _ => Vec::new(),
        }
    }
}

/// What happens, in its true order.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event {
    /// The first signal of the `kill` that the plan has come to.
    Signal,
    Exit(usize, End),
}

/// What becomes of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Passed,
    UnexpectedExit(usize),
    UnexpectedStatus(usize),
    StillRunning,
}

/// A case under way.
pub(crate) struct Model {
    plan: Vec<Op>,
    /// The steps that end turns.
    ends: Vec<usize>,
    turn: usize,
    signalled: bool,
    exits: Vec<(usize, End)>,
    /// What has decided the case before its end.
    pub(crate) decided: Option<Verdict>,
}

impl Model {
    pub(crate) fn new(plan: Vec<Op>) -> Self {
        let ends = (0..plan.len()).filter(|step| plan[*step].set().is_some()).collect();
        Self { plan, ends, turn: 0, signalled: false, exits: Vec::new(), decided: None }
    }

    /// The step that ends the present turn; none in the last turn.
    fn step(&self) -> Option<&Op> {
        self.ends.get(self.turn).map(|step| &self.plan[*step])
    }

    /// Whether only the end of the case is left.
    pub(crate) fn is_last_turn(&self) -> bool {
        self.turn == self.ends.len()
    }

    /// Whom the plan will signal next, when it has come to a `kill` and has not signalled yet.
    pub(crate) fn to_be_killed(&self) -> Option<Vec<usize>> {
        match self.step() {
            Some(Op::Kill(set)) if !self.signalled => Some(set.iter().map(|(process, _)| *process).collect()),
            _ => None,
        }
    }

    /// Everything that the plan has started when it holds in the present turn.
    pub(crate) fn started(&self) -> Vec<usize> {
        let until = self.ends.get(self.turn).map_or(self.plan.len(), |step| step + 1);
        self.plan[..until].iter().flat_map(Op::starts).collect()
    }

    pub(crate) fn has_exited(&self, process: usize) -> bool {
        self.exits.iter().any(|(exited, _)| *exited == process)
    }

    pub(crate) fn happens(&mut self, event: Event) {
        if self.decided.is_some() {
            return;
        }
        match event {
            Event::Signal => self.signalled = true,
            Event::Exit(process, end) => {
                self.exits.push((process, end));
                if !self.is_anticipated(process) {
                    self.decided = Some(Verdict::UnexpectedExit(process));
                    return;
                }
            }
        }
        self.turn_ends();
    }

    /// "An exit during a turn is anticipated when the turn ends in a `wait`, `waitPar` or `run` whose set has the process,
    /// or when the very next step is a `wait` or `waitPar` whose set has it. A `kill` anticipates the exits of its set
    /// from its first signal on." In the last turn nothing is said of exits before the end.
    fn is_anticipated(&self, process: usize) -> bool {
        let has = |op: &Op| op.set().is_some_and(|set| set.iter().any(|(member, _)| *member == process));
        let Some(step) = self.step() else { return true };
        let next = self.plan.get(self.ends[self.turn] + 1);
        let next_waits = next.is_some_and(|next| matches!(next, Op::Wait(_)) && has(next));
        next_waits || has(step) && (self.signalled || !matches!(step, Op::Kill(_)))
    }

    /// "It ends with the exit that completes that step's set; a wait that is already satisfied takes no time." The first
    /// exit that is not as the step expects ends the case.
    fn turn_ends(&mut self) {
        while let Some(step) = self.step() {
            if matches!(step, Op::Kill(_)) && !self.signalled {
                return;
            }
            let set = step.set().unwrap_or_default();
            let wrong = self.exits.iter().find(|(process, end)| {
                set.iter().any(|(member, ends)| member == process && !ends.is_empty() && !ends.contains(end))
            });
            if let Some((process, _)) = wrong {
                self.decided = Some(Verdict::UnexpectedStatus(*process));
                return;
            }
            if !set.iter().all(|(process, _)| self.has_exited(*process)) {
                return;
            }
            self.turn += 1;
            self.signalled = false;
        }
    }

    /// The verdict when nothing more happens. "At the end everything must have been waited for."
    pub(crate) fn verdict(&self) -> Verdict {
        let awaited = |process: &usize| {
            let mut sets = self.plan.iter().filter_map(Op::set);
            sets.any(|set| set.iter().any(|(member, _)| member == process))
        };
        self.decided.unwrap_or_else(|| {
            let all = self.plan.iter().flat_map(Op::starts).all(|process| awaited(&process));
            if all && self.is_last_turn() { Verdict::Passed } else { Verdict::StillRunning }
        })
    }
}

/// Makes a plan of choices: any bytes make one, and one that a manifest may hold.
pub(crate) fn plan(choices: &[u8], most: usize) -> Vec<Op> {
    let mut plan = Vec::new();
    let (mut count, mut live) = (0, Vec::new());
    for choice in choices {
        let pick = usize::from(choice / 8);
        let some = |live: &mut Vec<usize>| -> Vec<usize> {
            let wanted = 1 + pick % 2;
            (0..wanted.min(live.len())).map(|n| live.remove((pick + n) % live.len())).collect()
        };
        let expected = |process: usize| (process, vec![End::Code(if pick % 5 == 0 { 3 } else { 0 })]);
        match choice % 8 {
            3 | 4 if !live.is_empty() => {
                plan.push(Op::Wait(some(&mut live).into_iter().map(expected).collect()));
            }
            5 if !live.is_empty() => {
                let ends = || vec![End::Sigterm, End::Code(143)];
                plan.push(Op::Kill(some(&mut live).into_iter().map(|process| (process, ends())).collect()));
            }
            6 if count < most => {
                let (process, ends) = expected(count);
                plan.push(Op::Run(process, ends));
                count += 1;
            }
            _ if count < most => {
                let new = (1 + pick % 3).min(most - count);
                plan.push(Op::Spawn((count..count + new).collect()));
                live.extend(count..count + new);
                count += new;
            }
            _ => {}
        }
    }
    if plan.is_empty() {
        plan.push(Op::Run(0, vec![End::Code(0)]));
    }
    plan
}

/// The plan as a manifest, of which `argv` writes each process's program.
pub(crate) fn manifest(plan: &[Op], argv: impl Fn(usize) -> String) -> String {
    let spawn = |process: usize| format!("{{as: p{process}, argv: {}}}", argv(process));
    let end = |ends: &[End]| {
        let words: Vec<_> = ends
            .iter()
            .map(|end| match end {
                End::Code(code) => code.to_string(),
                End::Sigterm => "SIGTERM".to_owned(),
            })
            .collect();
        format!("[{}]", words.join(", "))
    };
    let set = |set: &Set| {
        let members: Vec<_> = set.iter().map(|(process, ends)| format!("p{process}: {}", end(ends))).collect();
        format!("{{{}}}", members.join(", "))
    };
    let mut text = String::from("timeout: 100s\ntest_it:\n");
    for op in plan {
        let line = match op {
            Op::Spawn(processes) => {
                let all: Vec<_> = processes.iter().map(|process| spawn(*process)).collect();
                // A `kill` that comes too soon would end them before they have said who they are.
                let ready = processes.iter().map(|process| format!("\n  - ready: {{p{process}: {{log: up}}}}"));
                format!("spawnPar: [{}]{}", all.join(", "), ready.collect::<String>())
            }
            Op::Wait(awaited) => format!("waitPar: {}", set(awaited)),
            Op::Kill(killed) => format!("kill: {}", set(killed)),
            Op::Run(process, ends) => format!("run: {}\n    status: {}", spawn(*process), end(ends)),
        };
        text.push_str(&format!("  - {line}\n"));
    }
    text
}
