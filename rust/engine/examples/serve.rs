//! The data plane alone, without Python: for counting instructions and for debugging.
//!
//! ```text
//! cargo run --release -p gateway-engine --example serve -- apisix.yaml 9080
//! ```

use std::error::Error;
use std::process::ExitCode;

use gateway_core::source::Format;
use gateway_engine::publish::File;
use gateway_engine::settings::{Listen, Settings};
use gateway_engine::supervisor::{Engine, Event};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(path), Some(port)) = (arguments.next(), arguments.next()) else {
        return Err("usage: serve RESOURCES.yaml PORT".into());
    };
    let listen = Listen {
        ip: [127, 0, 0, 1].into(),
        port: port.parse()?,
        tls: false,
        http2: true,
        proxy_protocol: false,
    };
    let settings = Settings {
        listen: vec![listen],
        workers: Some(1),
        handle_signals: true,
        shutdown_timeout: 5.0,
        ..Settings::default()
    };
    let engine = Engine::new(settings)?;
    #[expect(clippy::disallowed_methods, reason = "a program of its own reads its environment")]
    let environment = |name: &str| std::env::var(name).ok();
    let text = std::fs::read(&path)?;
    let file = File { text: &text, format: Format::Yaml, path: &path };
    engine.publish_file(file, &environment).map_err(|problems| {
        problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    })?;
    engine.start()?;
    loop {
        match engine.next_event() {
            Some(Event::Stopped) => return Ok(()),
            Some(_) => {}
            None => std::thread::park_timeout(std::time::Duration::from_millis(50)),
        }
    }
}
