//! One panel, built step by step. Everything that a panel must have is an argument
//! of its constructor.

use serde_json::{Value, json};

use super::words;

/// The data source that the reader has chosen.
pub fn datasource() -> Value {
    json!({ "type": "prometheus", "uid": "${datasource}" })
}

/// A panel without its place: [`super::layout`] gives it one, and an id.
pub struct Panel {
    kind: &'static str,
    title: &'static str,
    description: &'static str,
    pub width: u64,
    pub height: u64,
    targets: Vec<Value>,
    defaults: Value,
    overrides: Vec<Value>,
    options: Value,
    transformations: Vec<Value>,
    min_step: Option<&'static str>,
}

impl Panel {
    fn new(kind: &'static str, title: &'static str, unit: &str, description: &'static str) -> Panel {
        Panel {
            kind,
            title,
            description,
            width: 12,
            height: 8,
            targets: Vec::new(),
            defaults: json!({
                "unit": unit,
                "noValue": "no data",
                "color": { "mode": "thresholds" },
                "thresholds": steps(&[], words::PLAIN),
            }),
            overrides: Vec::new(),
            options: json!({}),
            transformations: Vec::new(),
            min_step: None,
        }
    }

    /// Big numbers, one for each series.
    pub fn stat(title: &'static str, unit: &str, description: &'static str) -> Panel {
        let mut panel = Panel::new("stat", title, unit, description).size(3, 4);
        panel.options = json!({
            "reduceOptions": { "calcs": ["lastNotNull"], "fields": "", "values": false },
            "colorMode": "background_solid",
            "graphMode": "none",
            "justifyMode": "center",
            "textMode": "auto",
            "orientation": "vertical",
            "wideLayout": true,
        });
        panel
    }

    /// Lines over time.
    pub fn lines(title: &'static str, unit: &str, description: &'static str) -> Panel {
        let mut panel = Panel::new("timeseries", title, unit, description);
        panel.defaults["color"] = json!({ "mode": "palette-classic" });
        panel.defaults["min"] = json!(0);
        panel.defaults["custom"] = json!({
            "drawStyle": "line",
            "lineInterpolation": "linear",
            "lineWidth": 1,
            "fillOpacity": 8,
            "showPoints": "never",
            "spanNulls": false,
            "thresholdsStyle": { "mode": "off" },
        });
        panel.options = json!({
            "legend": { "displayMode": "list", "placement": "bottom", "showLegend": true, "calcs": [] },
            "tooltip": { "mode": "multi", "sort": "desc" },
        });
        panel
    }

    /// Words over time, one lane for each series.
    pub fn timeline(title: &'static str, words: Value, description: &'static str) -> Panel {
        let mut panel = Panel::new("state-timeline", title, "none", description).words(words);
        panel.defaults["custom"] =
            json!({ "fillOpacity": 80, "lineWidth": 0, "spanNulls": false, "insertNulls": false });
        panel.options = json!({
            "mergeValues": true,
            "showValue": "auto",
            "alignValue": "left",
            "rowHeight": 0.85,
            "legend": { "displayMode": "list", "placement": "bottom", "showLegend": true },
            "tooltip": { "mode": "single", "sort": "none" },
        });
        panel
    }

    /// A table with a row for each observer and a column for each peer.
    pub fn matrix(title: &'static str, unit: &str, description: &'static str) -> Panel {
        let mut panel = Panel::new("table", title, unit, description).size(8, 7);
        panel.defaults["custom"] =
            json!({ "align": "center", "cellOptions": { "type": "color-background", "mode": "basic" } });
        panel.options = json!({ "showHeader": true, "cellHeight": "sm" });
        let corner = "node\\peer";
        panel.overrides = vec![json!({
            "matcher": { "id": "byName", "options": corner },
            "properties": [
                { "id": "displayName", "value": "from ↓  to →" },
                { "id": "custom.cellOptions", "value": { "type": "auto" } },
                { "id": "custom.align", "value": "left" },
            ],
        })];
        // Sorted by row last: the sort keeps the order of equals, so rows and columns both come in the order of names.
        let sorted = |field| json!({ "id": "sortBy", "options": { "fields": {}, "sort": [{ "field": field }] } });
        let matrix = json!({
            "id": "groupingToMatrix",
            "options": { "columnField": "peer", "rowField": "node", "valueField": "Value", "emptyValue": "null" },
        });
        panel.transformations = vec![sorted("peer"), sorted("node"), matrix];
        panel
    }

    /// A table with a row for each series and a column for each of the labels.
    pub fn list(title: &'static str, labels: &[&str], words: Value, description: &'static str) -> Panel {
        let mut panel = Panel::new("table", title, "none", description).words(words);
        panel.defaults["custom"] = json!({ "align": "left", "cellOptions": { "type": "auto" } });
        panel.options = json!({ "showHeader": true, "cellHeight": "sm" });
        panel.overrides = vec![json!({
            "matcher": { "id": "byName", "options": "Value" },
            "properties": [
                { "id": "displayName", "value": "now" },
                { "id": "custom.cellOptions", "value": { "type": "color-text" } },
            ],
        })];
        let shown: Vec<&str> = labels.iter().copied().chain(["Value"]).collect();
        let order = shown.iter().enumerate().map(|(index, name)| ((*name).to_owned(), json!(index)));
        panel.transformations = vec![
            json!({ "id": "filterFieldsByName", "options": { "include": { "names": shown } } }),
            json!({
                "id": "organize",
                "options": { "indexByName": order.collect::<serde_json::Map<_, _>>(), "excludeByName": {}, "renameByName": {} },
            }),
        ];
        panel
    }

    /// How many fell into each bucket, over time.
    pub fn heatmap(title: &'static str, unit: &str, description: &'static str) -> Panel {
        let mut panel = Panel::new("heatmap", title, "short", description);
        panel.options = json!({
            "calculate": false,
            "cellGap": 1,
            "color": { "mode": "scheme", "scheme": "Viridis", "steps": 64, "reverse": false, "exponent": 0.5, "fill": "blue" },
            "filterValues": { "le": 1e-9 },
            "legend": { "show": true },
            "rowsFrame": { "layout": "auto" },
            "tooltip": { "mode": "single", "yHistogram": false, "showColorScale": false },
            "yAxis": { "axisPlacement": "left", "unit": unit, "reverse": false },
        });
        panel
    }

    /// Plain text.
    pub fn text(title: &'static str, content: &str, description: &'static str) -> Panel {
        let mut panel = Panel::new("text", title, "none", description);
        panel.options = json!({ "mode": "markdown", "content": content });
        panel
    }

    pub fn size(mut self, width: u64, height: u64) -> Panel {
        (self.width, self.height) = (width, height);
        self
    }

    /// A query over time, and what its series are called.
    pub fn ask(self, legend: &str, expression: &str) -> Panel {
        self.target(
            expression,
            json!({ "legendFormat": legend, "range": true, "instant": false, "format": "time_series" }),
        )
    }

    /// A query for the present moment, and what its series are called.
    pub fn ask_now(self, legend: &str, expression: &str) -> Panel {
        self.target(
            expression,
            json!({ "legendFormat": legend, "range": false, "instant": true, "format": "time_series" }),
        )
    }

    /// A query for the present moment, with labels as columns.
    pub fn ask_table(self, expression: &str) -> Panel {
        let legend = "{{node}} → {{peer}}";
        self.target(expression, json!({ "legendFormat": legend, "range": false, "instant": true, "format": "table" }))
    }

    /// A query for a histogram's buckets.
    pub fn ask_buckets(self, expression: &str) -> Panel {
        self.target(
            expression,
            json!({ "legendFormat": "{{le}}", "range": true, "instant": false, "format": "heatmap" }),
        )
    }

    fn target(mut self, expression: &str, mut target: Value) -> Panel {
        let letter = char::from(b'A' + u8::try_from(self.targets.len()).expect("a panel has few queries"));
        target["refId"] = json!(letter.to_string());
        target["datasource"] = datasource();
        target["editorMode"] = json!("code");
        target["expr"] = json!(expression);
        self.targets.push(target);
        self
    }

    /// Words instead of numbers.
    pub fn words(mut self, words: Value) -> Panel {
        self.defaults["mappings"] = words;
        self
    }

    /// The colour below the first value, and from each value on.
    pub fn colours(mut self, below: &str, from: &[(f64, &str)]) -> Panel {
        self.defaults["thresholds"] = steps(from, below);
        self
    }

    /// The window of rates and round trips, for queries of the present moment.
    pub fn over(mut self, min_step: &'static str) -> Panel {
        self.min_step = Some(min_step);
        self
    }

    /// Any other value of `fieldConfig.defaults`.
    pub fn default(mut self, name: &str, value: Value) -> Panel {
        self.defaults[name] = value;
        self
    }

    /// Any other value of `fieldConfig.defaults.custom`.
    pub fn custom(mut self, name: &str, value: Value) -> Panel {
        self.defaults["custom"][name] = value;
        self
    }

    /// Any other value of `options`.
    pub fn option(mut self, name: &str, value: Value) -> Panel {
        self.options[name] = value;
        self
    }

    /// As the file has it.
    pub fn json(self, id: u64, x: u64, y: u64) -> Value {
        let mut panel = json!({
            "id": id,
            "type": self.kind,
            "title": self.title,
            "description": self.description,
            "gridPos": { "x": x, "y": y, "w": self.width, "h": self.height },
            "options": self.options,
            "fieldConfig": { "defaults": self.defaults, "overrides": self.overrides },
        });
        if self.targets.is_empty() {
            return panel;
        }
        panel["datasource"] = datasource();
        panel["targets"] = json!(self.targets);
        if !self.transformations.is_empty() {
            panel["transformations"] = json!(self.transformations);
        }
        if let Some(step) = self.min_step {
            panel["interval"] = json!(step);
            // As many points as keep the window short however far the reader zooms out; a query for one moment costs
            // nothing more.
            panel["maxDataPoints"] = json!(10_000);
        }
        panel
    }
}

fn steps(from: &[(f64, &str)], below: &str) -> Value {
    let first = json!({ "value": null, "color": below });
    let rest = from.iter().map(|(value, color)| json!({ "value": value, "color": color }));
    let steps: Vec<Value> = [first].into_iter().chain(rest).collect();
    json!({ "mode": "absolute", "steps": steps })
}
