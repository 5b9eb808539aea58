//! What a reader sees on a page: its sentence, and the cells of its matrix by observer and peer.

use std::time::Instant;

use serde_json::{Value, json};

use super::driver::Browser;

/// Reads the matrix of the page: class and text of each cell, under `observer > peer`.
const CELLS: &str = "
    const peers = [...document.querySelectorAll('#matrix thead th')].slice(1).map((th) => th.textContent);
    const cells = {};
    for (const row of document.querySelectorAll('#matrix tbody tr')) {
      const observer = row.querySelector('th bdi').textContent;
      [...row.querySelectorAll('td')].forEach((cell, at) => {
        cells[observer + ' > ' + peers[at]] = cell.className + ': ' + cell.innerText;
      });
    }";

/// Waits until the sentence fits the expression and each of the cells has the class; when that was.
#[track_caller]
pub fn shows(page: &Browser, sentence: &str, cells: &[(&str, &str)]) -> Instant {
    let wanted: serde_json::Map<String, Value> =
        cells.iter().map(|(cell, class)| ((*cell).to_owned(), json!(class))).collect();
    let script = format!(
        "{CELLS}
        const sentence = document.querySelector('#summary h1').textContent;
        const wanted = {};
        return new RegExp({}).test(sentence) &&
          Object.entries(wanted).every(([cell, start]) => (cells[cell] || '').startsWith(start));",
        Value::Object(wanted),
        json!(sentence),
    );
    page.wait(&format!("{sentence:?} and {cells:?}"), &script).1
}

/// Waits until this cell is no longer good; when that was.
#[track_caller]
pub fn doubts(page: &Browser, cell: &str) -> Instant {
    let script = format!("{CELLS} return !(cells[{}] || 'good').startsWith('good');", json!(cell));
    page.wait(&format!("doubt in {cell}"), &script).1
}
