/// Shows how a run was made, its warnings, and the command that makes it again.
struct HowItWasRun {
  let run: RunData

  private var about: RunFacts { run.about }

  var html: HTML {
    let rows = facts.map { "<dt>\($0.name)<dd>\($0.value)" as HTML }
    var html: HTML = "<dl>\(rows.joined())</dl>"
    if !about.warnings.isEmpty {
      let items = about.warnings.map { "<li>\($0)" as HTML }
      html += "<p>The program warned of the experiment:</p><ul>\(items.joined())</ul>"
    }
    html += """
      <p>\(again)</p>
      <pre class=command><code>rsmbench run \(directory)/experiment.json5 --out again</code></pre>
      <details><summary>The experiment with every default filled in</summary>\
      <pre><code>\(about.experimentText)</code></pre></details>
      <p class=muted>Every number on this page comes from a CSV file beside it: \
      <code>summary.csv</code> (means and intervals), <code>trials.csv</code>, \
      <code>latency.csv</code>, <code>timeline.csv</code>, <code>faults.csv</code> and \
      <code>resources.csv</code>. <code>datapackage.json</code> says what each column means, \
      <code>manifest.json</code> on which machine and when it was run. \
      <code>rsmbench report \(directory)</code> draws the page again.</p>
      """
    return html
  }

  private var again: String {
    about.isRealTime
      ? "To run it again on this kind of machine:"
      : "The same numbers, to the last digit, come from:"
  }

  private var directory: String { "\(about.name)-\(about.seed)" }

  private var facts: [(name: String, value: String)] {
    func setting(_ path: String, _ name: String) -> (name: String, value: String)? {
      about.setting(path).map { (name, $0) }
    }
    let done =
      about.isComplete
      ? about.trialsFinished : "\(about.trialsFinished) of \(about.trialsPlanned), interrupted"
    let revision = about.manifest("git_revision")
    let program =
      "rsmbench " + about.manifest("version") + (revision.isEmpty ? "" : ", revision \(revision)")
    let runtime =
      about.isRealTime ? "real processes, sockets and disks" : "deterministic simulation"
    let machine: [(name: String, value: String)] =
      about.isRealTime
      ? [
        ("machine", about.manifest("host") + ", \(about.manifest("cores")) processors"),
        ("system", about.manifest("operating_system")),
        ("processors kept awake", about.manifest("processors_kept_awake")),
        ("started", about.manifest("started_at")),
        ("wall time, s", about.manifest("wall_time_s")),
      ] : []
    return [
      ("experiment", about.name), ("runtime", runtime), ("trials", done), ("seed", about.seed),
      setting("replicas", "replicas"), setting("tolerates", "failures survived"),
      setting("workload.arrival", "load"), setting("workload.clients", "clients"),
      setting("workload.mix", "mix"),
      setting("workload.scanLength", "keys of a scan"), setting("workload.valueSize", "value size"),
      setting("network.preset", "network"), setting("warmUp", "warm-up"),
      setting("duration", "duration"), setting("slo.latency", "SLO, latency"),
      setting("check", "check"), ("program", program),
    ].compactMap { $0 } + machine
  }
}
