//! A mail server that keeps what it is sent: enough of SMTP (RFC 5321) for a client that asks for nothing special.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

/// One mail as it came.
#[derive(Debug, Clone)]
pub struct Delivered {
    /// As the envelope names them.
    pub recipient: String,
    /// Head and body.
    pub text: String,
}

#[derive(Clone)]
pub struct Sink {
    port: u16,
    delivered: Arc<Mutex<Vec<Delivered>>>,
    /// What the next recipients are answered, the first one first; then all are welcome.
    refusals: Arc<Mutex<Vec<&'static str>>>,
}

impl Sink {
    pub async fn open() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let sink = Self {
            port: listener.local_addr().expect("an address").port(),
            delivered: Arc::default(),
            refusals: Arc::default(),
        };
        let serving = sink.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let serving = serving.clone();
                tokio::spawn(async move { serving.serve(stream).await });
            }
        });
        sink
    }

    pub fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    /// Answers the next recipients so, one after the other: `451 later`, `550 nobody`.
    pub fn refuse(&self, answers: &[&'static str]) {
        lock(&self.refusals).extend(answers);
    }

    /// All mails to that address so far, the oldest first.
    pub fn mails_to(&self, recipient: &str) -> Vec<Delivered> {
        let delivered = lock(&self.delivered);
        let theirs = delivered.iter().filter(|mail| mail.recipient == recipient);
        theirs.cloned().collect()
    }

    async fn serve(&self, stream: TcpStream) -> Option<()> {
        let (read, mut write) = stream.into_split();
        let mut lines = BufReader::new(read).lines();
        let (mut recipient, mut ended) = (String::new(), false);
        write.write_all(b"220 sink\r\n").await.ok()?;
        while !ended {
            let line = lines.next_line().await.ok()??;
            let answer = match line
                .split([' ', ':'])
                .next()
                .unwrap_or_default()
                .to_uppercase()
                .as_str()
            {
                "EHLO" => "250-sink\r\n250 8BITMIME".to_owned(),
                "RCPT" => {
                    let named = line.split(['<', '>']).nth(1).unwrap_or_default();
                    recipient = named.to_owned();
                    let refused = {
                        let mut refusals = lock(&self.refusals);
                        (!refusals.is_empty()).then(|| refusals.remove(0))
                    };
                    refused.unwrap_or("250 welcome").to_owned()
                }
                "DATA" => {
                    write.write_all(b"354 go on\r\n").await.ok()?;
                    let mut text = String::new();
                    loop {
                        let line = lines.next_line().await.ok()??;
                        if line == "." {
                            break;
                        }
                        text.push_str(line.strip_prefix('.').unwrap_or(&line));
                        text.push_str("\r\n");
                    }
                    lock(&self.delivered).push(Delivered {
                        recipient: recipient.clone(),
                        text,
                    });
                    "250 kept".to_owned()
                }
                "QUIT" => {
                    ended = true;
                    "221 bye".to_owned()
                }
                _ => "250 ok".to_owned(),
            };
            write.write_all(format!("{answer}\r\n").as_bytes()).await.ok()?;
        }
        Some(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
