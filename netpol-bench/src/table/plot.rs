//! The table as a picture: a panel for each operation that was measured at several sizes, both axes logarithmic, a line
//! for each shape.

use plotters::backend::SVGBackend;
use plotters::chart::ChartBuilder;
use plotters::coord::combinators::IntoLogRange as _;
use plotters::drawing::{DrawingArea, IntoDrawingArea as _};
use plotters::element::{Circle, Text};
use plotters::series::LineSeries;
use plotters::style::{Color as _, IntoFont as _, RGBColor, ShapeStyle, WHITE};

use super::{Table, TableError};
use crate::operation::{Operation, Unit};
use crate::row::{Row, as_f64};

const PANEL: (u32, u32) = (440, 300);
const COLUMNS: usize = 3;
const LEGEND: u32 = 70;

/// Colours that stay apart for most eyes, also on paper.
const COLOURS: [RGBColor; 13] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(90, 90, 90),
    RGBColor(148, 103, 189),
    RGBColor(140, 86, 75),
    RGBColor(23, 130, 60),
    RGBColor(200, 30, 80),
    RGBColor(120, 120, 0),
    RGBColor(0, 0, 140),
];

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
type Curve = (usize, Vec<(f64, f64)>);

/// Draws a table as SVG.
///
/// # Errors
///
/// [`TableError::Plot`].
pub fn plot(table: &Table) -> Result<String, TableError> {
    let presets = presets(&table.rows);
    let panels: Vec<(Operation, Vec<Curve>)> = Operation::ALL
        .into_iter()
        .map(|operation| (operation, curves(&table.rows, &presets, operation)))
        .filter(|(_, curves)| curves.iter().any(|(_, points)| points.len() > 1))
        .collect();
    let lines = panels.len().div_ceil(COLUMNS).max(1);
    let columns = u32::try_from(COLUMNS).unwrap_or(1);
    let size = (PANEL.0 * columns, PANEL.1 * u32::try_from(lines).unwrap_or(1) + LEGEND);
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        root.fill(&WHITE).map_err(failed)?;
        let (head, body) = root.split_vertically(LEGEND);
        legend(&head, table, &presets)?;
        for ((operation, curves), area) in panels.iter().zip(body.split_evenly((lines, COLUMNS))) {
            panel(&area, *operation, curves)?;
        }
        root.present().map_err(failed)?;
    }
    Ok(svg)
}

fn failed(error: impl std::fmt::Display) -> TableError {
    TableError::Plot(error.to_string())
}

fn presets(rows: &[Row]) -> Vec<&str> {
    let mut presets: Vec<&str> = Vec::new();
    for row in rows {
        if !presets.contains(&&*row.preset) {
            presets.push(&row.preset);
        }
    }
    presets
}

fn curves(rows: &[Row], presets: &[&str], operation: Operation) -> Vec<Curve> {
    let of = |preset: &str| {
        let own = rows.iter().filter(|r| r.preset == preset);
        own.filter_map(|r| {
            let value = r.figure(operation)?.value;
            (value > 0.0).then_some((as_f64(r.pods), value))
        })
        .collect::<Vec<_>>()
    };
    presets.iter().enumerate().map(|(at, preset)| (at, of(preset))).collect()
}

fn colour(at: usize) -> RGBColor {
    COLOURS[at % COLOURS.len()]
}

fn legend(area: &Area<'_>, table: &Table, presets: &[&str]) -> Result<(), TableError> {
    let font = ("sans-serif", 13).into_font();
    let title = format!("{}", table.machine);
    area.draw(&Text::new(title, (12, 8), font.clone())).map_err(failed)?;
    for (at, preset) in presets.iter().enumerate() {
        let column = i32::try_from(at % 7).unwrap_or(0);
        let line = i32::try_from(at / 7).unwrap_or(0);
        let (x, y) = (16 + column * 180, 36 + line * 18);
        let dot = Circle::new((x, y), 5, ShapeStyle::from(colour(at)).filled());
        area.draw(&dot).map_err(failed)?;
        let name = Text::new((*preset).to_owned(), (x + 10, y - 7), font.clone());
        area.draw(&name).map_err(failed)?;
    }
    Ok(())
}

fn panel(area: &Area<'_>, operation: Operation, curves: &[Curve]) -> Result<(), TableError> {
    let points = || curves.iter().flat_map(|(_, points)| points);
    let range = |of: fn(&(f64, f64)) -> f64| {
        let low = points().map(of).fold(f64::INFINITY, f64::min);
        let high = points().map(of).fold(0.0, f64::max);
        low / 1.5..high * 1.5
    };
    let label = |value: &f64| match operation.unit() {
        Unit::Seconds | Unit::Bytes | Unit::Times => operation.shown(*value),
    };
    let mut chart = ChartBuilder::on(area)
        .margin(12)
        .caption(operation.title(), ("sans-serif", 15))
        .x_label_area_size(28)
        .y_label_area_size(66)
        .build_cartesian_2d(range(|p| p.0).log_scale(), range(|p| p.1).log_scale())
        .map_err(failed)?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .x_labels(5)
        .y_labels(6)
        .x_label_formatter(&|pods| thousands(*pods))
        .y_label_formatter(&label)
        .draw()
        .map_err(failed)?;
    for (at, points) in curves {
        let style = colour(*at).stroke_width(2);
        chart.draw_series(LineSeries::new(points.iter().copied(), style)).map_err(failed)?;
        let dots = points
            .iter()
            .map(|point| Circle::new(*point, 3, ShapeStyle::from(colour(*at)).filled()));
        chart.draw_series(dots).map_err(failed)?;
    }
    Ok(())
}

fn thousands(pods: f64) -> String {
    match pods {
        pods if pods >= 1e6 => format!("{:.0}M", pods / 1e6),
        pods if pods >= 1e3 => format!("{:.0}k", pods / 1e3),
        pods => format!("{pods:.0}"),
    }
}
