//! x
use std::time::Duration;
fn main() {
    let dir = std::env::args().nth(1).unwrap();
    let files: Vec<Vec<u8>> = std::env::args()
        .skip(2)
        .flat_map(walkdir::WalkDir::new)
        .filter_map(Result::ok)
        .filter(|f| f.file_type().is_file())
        .filter_map(|f| std::fs::read(f.path()).ok())
        .filter(|b| b.len() < 20 << 20)
        .collect();
    let total: usize = files.iter().map(Vec::len).sum();
    let src = |only: Option<&str>| {
        std::fs::read_dir(&dir)
            .unwrap()
            .map(|e| e.unwrap().path())
            .filter(|p| p.extension().is_some_and(|e| e == "yar"))
            .filter(|p| only.is_none_or(|o| p.file_stem().unwrap() == o))
            .map(|p| assay_rules::Source {
                name: p.file_stem().unwrap().to_string_lossy().into(),
                origin: "x".into(),
                text: std::fs::read_to_string(&p).unwrap(),
                verdict: assay_rules::OnMatch::Suspicious,
            })
            .collect::<Vec<_>>()
    };
    let run = |what: &str, sources: &[assay_rules::Source]| {
        let t = std::time::Instant::now();
        let c = assay_rules::compile(sources);
        let ct = t.elapsed();
        let mut s = assay_rules::Scanner::new(&c);
        let cpu = || {
            Duration::from_nanos(
                std::fs::read_to_string("/proc/thread-self/schedstat")
                    .unwrap()
                    .split(' ')
                    .next()
                    .unwrap()
                    .parse()
                    .unwrap(),
            )
        };
        let t = cpu();
        for f in &files {
            let _ = s.scan(f, Duration::from_secs(60));
        }
        let e = cpu() - t;
        println!(
            "{what}: compile {ct:?} {} files {} MB {e:?} = {:.0} MB/s",
            files.len(),
            total >> 20,
            total as f64 / 1e6 / e.as_secs_f64()
        );
    };
    run("none", &[]);
    for f in ["eicar", "programs", "scripts", "windows", "web", "documents", "crime"] {
        run(f, &src(Some(f)));
    }
    run("all", &src(None));
    for f in src(None) {
        let parts: Vec<&str> = f.text.split("\nrule ").collect();
        let head: String = f.text.lines().take_while(|l| !l.starts_with("rule ")).collect::<Vec<_>>().join("\n");
        for p in &parts[1..] {
            let name = p.split_whitespace().next().unwrap();
            let text = format!("{head}\nrule {p}");
            run(name, &[assay_rules::Source { text, ..f.clone() }]);
        }
    }
}
