//! One panel, built step by step. Everything that a panel must have is an argument
//! of its constructor.

use serde_json::{Value, json};

use super::words;

/// Lanes on one page of a timeline: more would be too flat for their words.
const LANES: u8 = 10;

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
    /// Words where there is no value.
    nothing: &'static str,
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
                "color": { "mode": "thresholds" },
                "thresholds": steps(&[], words::PLAIN),
            }),
            overrides: Vec::new(),
            options: json!({}),
            nothing: "no data",
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

    /// Two numbers without a judgement, each with its name.
    pub fn two(self) -> Panel {
        self.option("textMode", json!("value_and_name"))
            .option("orientation", json!("horizontal"))
            .option("colorMode", json!("none"))
            .option("text", json!({ "titleSize": 16, "valueSize": 28 }))
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
            json!({ "fillOpacity": 100, "lineWidth": 0, "spanNulls": false, "insertNulls": false });
        panel.options = json!({
            "mergeValues": true,
            "showValue": "auto",
            "alignValue": "left",
            "rowHeight": 0.85,
            "perPage": LANES,
            "legend": { "displayMode": "list", "placement": "bottom", "showLegend": true },
            "tooltip": { "mode": "single", "sort": "none" },
        });
        panel
    }

    /// A table.
    pub fn table(title: &'static str, description: &'static str) -> Panel {
        let mut panel = Panel::new("table", title, "none", description).nothing("-");
        panel.defaults["custom"] = json!({ "align": "left", "cellOptions": { "type": "auto" }, "minWidth": 56 });
        panel.options = json!({ "showHeader": true, "cellHeight": "sm", "frozenColumns": { "left": 1 } });
        panel
    }

    /// A table with a row for each observer and a column for each peer.
    pub fn matrix(title: &'static str, unit: &str, description: &'static str) -> Panel {
        let mut panel = Panel::table(title, description).size(12, 9).nothing("no data");
        panel.defaults["unit"] = json!(unit);
        // Left: of a word that is too long for its cell, the sign is what must be seen.
        panel.defaults["custom"]["align"] = json!("left");
        panel.defaults["custom"]["cellOptions"] = json!({ "type": "color-background", "mode": "basic" });
        panel.defaults["links"] = json!([
            { "title": "Page of ${__field.name}", "url": "${page}/node/${__field.name}", "targetBlank": true },
            { "title": "Why ${__data.fields[0]} reports this of ${__field.name}", "url": "${page}/why/${__data.fields[0]}/${__field.name}", "targetBlank": true },
        ]);
        let corner = [
            json!({ "id": "displayName", "value": "from ↓  to →" }),
            json!({ "id": "custom.cellOptions", "value": { "type": "auto" } }),
            json!({ "id": "custom.align", "value": "left" }),
            json!({ "id": "custom.width", "value": 110 }),
            json!({ "id": "links", "value": link_to_the_node() }),
        ];
        let matrix = json!({
            "id": "groupingToMatrix",
            "options": { "columnField": "peer", "rowField": "node", "valueField": "Value", "emptyValue": "null" },
        });
        // Sorted by row last: the sort keeps the order of equals, so rows and columns both come in the order of names.
        panel
            .override_by_name("node\\peer", corner.into())
            .transform(sorted("_peer", false))
            .transform(sorted("_node", false))
            .transform(matrix)
    }

    /// A table with a row for each series and a column for each of the labels, of this width.
    pub fn list(title: &'static str, labels: &[(&str, u64)], words: Value, description: &'static str) -> Panel {
        let value = [
            json!({ "id": "displayName", "value": "now" }),
            json!({ "id": "custom.width", "value": 100 }),
            json!({ "id": "custom.cellOptions", "value": { "type": "color-background", "mode": "basic" } }),
        ];
        let mut panel =
            Panel::table(title, description).size(12, 8).words(words).override_by_name("Value", value.into());
        for (label, width) in labels {
            panel = panel.override_by_name(label, vec![json!({ "id": "custom.minWidth", "value": width })]);
        }
        // The value comes second, so that it is seen on a narrow screen.
        let mut shown: Vec<&str> = labels.iter().map(|(label, _)| *label).collect();
        shown.insert(1, "Value");
        let order = shown.iter().enumerate().map(|(index, name)| ((*name).to_owned(), json!(index)));
        let order = order.collect::<serde_json::Map<_, _>>();
        panel.transform(json!({ "id": "filterFieldsByName", "options": { "include": { "names": shown } } })).transform(
            json!({ "id": "organize", "options": { "indexByName": order, "excludeByName": {}, "renameByName": {} } }),
        )
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
    pub fn ask_table(self, legend: &str, expression: &str) -> Panel {
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

    /// What is shown where there is no value.
    pub fn nothing(mut self, words: &'static str) -> Panel {
        self.nothing = words;
        self
    }

    /// Series whose name is a word of ours have the colour of its meaning.
    pub fn by_meaning(self) -> Panel {
        self.coloured(words::SERIES)
    }

    /// Series of these names have these colours.
    pub fn coloured(self, names: &[(&str, &str)]) -> Panel {
        names.iter().fold(self, |panel, (name, colour)| {
            let fixed = json!({ "id": "color", "value": { "mode": "fixed", "fixedColor": colour } });
            panel.override_by_name(name, vec![fixed])
        })
    }

    pub fn override_by_name(mut self, name: &str, properties: Vec<Value>) -> Panel {
        if !properties.is_empty() {
            self.overrides.push(json!({ "matcher": { "id": "byName", "options": name }, "properties": properties }));
        }
        self
    }

    pub fn transform(mut self, transformation: Value) -> Panel {
        self.transformations.push(transformation);
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

    /// Points at least this far apart, for queries that compute much for each.
    pub fn every(self, min_step: &'static str) -> Panel {
        Panel { min_step: Some(min_step), ..self }
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
    pub fn json(mut self, id: u64, x: u64, y: u64) -> Value {
        if self.kind != "text" {
            self.defaults["noValue"] = json!(self.nothing);
        }
        if self.kind == "stat" {
            let mut words = self.defaults["mappings"].as_array().cloned().unwrap_or_default();
            words.push(words::of_nothing(self.nothing));
            self.defaults["mappings"] = Value::Array(words);
        }
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
        }
        if self.kind == "stat" || self.kind == "table" {
            // As many points as keep the window short however far the reader zooms out; a query for one moment costs
            // nothing more.
            panel["maxDataPoints"] = json!(10_000);
        }
        panel
    }
}

/// The rows in the order of a field.
pub fn sorted(field: &str, descending: bool) -> Value {
    let sort = if descending { json!({ "field": field, "desc": true }) } else { json!({ "field": field }) };
    json!({ "id": "sortBy", "options": { "fields": {}, "sort": [sort] } })
}

/// From a cell with a node's name to the page of that node.
pub fn link_to_the_node() -> Value {
    json!([{ "title": "Page of ${__value.text}", "url": "${page}/node/${__value.text}", "targetBlank": true }])
}

pub fn steps(from: &[(f64, &str)], below: &str) -> Value {
    let first = json!({ "value": null, "color": below });
    let rest = from.iter().map(|(value, color)| json!({ "value": value, "color": color }));
    let steps: Vec<Value> = [first].into_iter().chain(rest).collect();
    json!({ "mode": "absolute", "steps": steps })
}
