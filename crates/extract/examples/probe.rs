//! scratch
use std::io::BufRead;
fn main() {
    let mode = std::env::args().nth(1).unwrap_or_default();
    let magika = if mode == "golden" { assay_extract::Magika::Undecided } else if mode == "magika" { assay_extract::Magika::Always } else { assay_extract::Magika::Never };
    let id = assay_extract::Identifier::new(assay_extract::Options { magika });
    let mut total = 0u64; let mut secs = 0.0; let mut n=0;
    for line in std::io::stdin().lock().lines() {
        let path = line.unwrap();
        let Ok(bytes) = std::fs::read(&path) else { continue };
        let t = std::time::Instant::now();
        let f = id.identify(&bytes, &[]);
        secs += t.elapsed().as_secs_f64(); total += bytes.len() as u64; n+=1;
        match mode.as_str() {
            "ssdeep" => println!("{},\"{}\"", f.ssdeep.unwrap_or_default(), path),
            "tlsh" => println!("{} {}", f.tlsh.clone().unwrap_or_default(), path),
            "magic" => println!("{}: {}", path, f.magic),
            "magika" => println!("{}: {:?} {} | {}", path, f.magika, f.type_tag, f.magic),
            "golden" => std::fs::write(path.replace(".in",".out"), serde_json::to_string_pretty(&f).unwrap()+"\n").unwrap(),
            "json" => println!("{}", serde_json::to_string_pretty(&f).unwrap()),
            _ => {}
        }
        if mode == "walk" {
            let mut names = Vec::new();
            let w = assay_extract::archive::walk(&bytes, Some("infected"), &Default::default(), &mut |m| { names.push((m.path.clone(), m.bytes.len(), m.depth)); std::ops::ControlFlow::Continue(()) });
            println!("{path}: {w:?} {:?}", &names[..names.len().min(5)]);
        }
    }
    eprintln!("{n} files {total} bytes {:.3}s {:.1} MB/s {:.3} ms/file", secs, total as f64/secs/1e6, secs*1e3/n as f64);
}
