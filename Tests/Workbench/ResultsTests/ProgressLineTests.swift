import Synchronization
import Testing

@testable import Results

/// A clock that the test sets, and the text written so far.
private final class Stage: Sendable {
  let now = Mutex(0.0)
  let written = Mutex([String]())

  func line(
    trials: Int = 4, before: Int = 0, isQuiet: Bool = false, isInteractive: Bool = true,
    usesColor: Bool = false
  ) -> ProgressLine {
    ProgressLine(
      ProgressState(
        trialsTotal: trials, trialsBefore: before, trialDurationNs: 10_000_000_000),
      isQuiet: isQuiet,
      terminal: Terminal(isInteractive: isInteractive, usesColor: usesColor, width: 80),
      clock: { self.now.withLock { $0 } },
      output: { text in self.written.withLock { $0.append(text) } })
  }

  func at(_ seconds: Double) { now.withLock { $0 = seconds } }
  var texts: [String] { written.withLock { $0 } }
}

@Suite struct ProgressLineTests {
  @Test("The line shows percent, trials, simulated time, events per second and time left")
  func line() {
    var state = ProgressState(trialsTotal: 4, trialsBefore: 0, trialDurationNs: 10_000_000_000)
    #expect(state.line(elapsed: 0) == "  0 %  0/4 trials  0.0 s simulated")
    state.advance(trial: 1, timeNs: 5_000_000_000, events: 2_000_000)
    state.finish(trial: 0, events: 4_000_000)
    #expect(
      state.line(elapsed: 3) == " 37 %  1/4 trials  15 s simulated  2.0 M events/s  5 s left")
    #expect(state.line(elapsed: 3, width: 30) == " 37 %  1/4 trials")
    for trial in 1...3 { state.finish(trial: trial, events: 0) }
    #expect(
      state.line(elapsed: 4).hasSuffix(
        "100 %  4/4 trials  40 s simulated  1.0 M events/s  4 s elapsed"))
  }

  @Test("On a cluster the line shows time under load and operations")
  func cluster() {
    var state = ProgressState(
      trialsTotal: 2, trialsBefore: 0, trialDurationNs: 10_000_000_000, kind: .cluster)
    state.advance(trial: 0, timeNs: 5_000_000_000, events: 60_000)
    #expect(state.line(elapsed: 6) == " 25 %  0/2 trials  5.0 s of load  10.0 k ops/s  18 s left")
  }

  @Test("A resumed run counts earlier trials as done, but not in the time left")
  func resumed() {
    var state = ProgressState(trialsTotal: 4, trialsBefore: 2, trialDurationNs: 10_000_000_000)
    state.finish(trial: 0, events: 5_000)
    #expect(state.line(elapsed: 10) == " 75 %  3/4 trials  10 s simulated  500 events/s  10 s left")
    #expect(ProgressState.time(150) == "2 min 30 s" && ProgressState.time(7_260) == "2 h 1 min")
    let nothing = ProgressState(trialsTotal: 2, trialsBefore: 2, trialDurationNs: 1)
    #expect(nothing.line(elapsed: 0).hasPrefix("100 %  2/2 trials"))
  }

  @Test("A terminal's line is redrawn at most ten times a second, and removed at the end")
  func interactive() {
    let stage = Stage()
    let line = stage.line()
    for step in 0..<100 {
      stage.at(Double(step) / 100)
      line.advance(trial: 0, timeNs: Int64(step), events: step)
    }
    #expect(stage.texts.count == 10)
    #expect(stage.texts.allSatisfy { $0.hasPrefix("\r\u{1B}[K") && !$0.contains("\n") })
    line.message("note")
    #expect(stage.texts.last == "\r\u{1B}[Knote\n")
    line.finish(trial: 0, events: 5, summary: "")
    line.end()
    line.end()
    line.advance(trial: 1, timeNs: 5, events: 5)
    #expect(stage.texts.count == 13 && stage.texts.last == "\r\u{1B}[K")
  }

  @Test("Without a terminal a plain line is written for each finished trial")
  func plain() {
    let stage = Stage()
    let line = stage.line(isInteractive: false)
    line.begin(trial: 0, name: "raft, trial 1", faultsNs: [])
    for second in 0...12 {
      stage.at(Double(second))
      line.advance(trial: 0, timeNs: Int64(second) * 1_000_000_000, events: 0)
    }
    #expect(stage.texts.isEmpty)
    line.finish(trial: 0, events: 24_000, summary: "raft, trial 1: linearizable")
    line.end()
    #expect(
      stage.texts.joined()
        == " 25 %  1/4 trials  10 s simulated  2.0 k events/s  36 s left  raft, trial 1: linearizable\n"
    )
  }

  @Test(
    "A terminal's block has a line for each running trial, and all of it is redrawn and removed")
  func block() {
    let stage = Stage()
    let line = stage.line()
    line.begin(trial: 0, name: "raft, replicas=3, trial 1", faultsNs: [5_000_000_000])
    line.begin(trial: 1, name: "raft, replicas=3, trial 2", faultsNs: [])
    line.advance(trial: 0, timeNs: 1_000_000_000, events: 100)
    let first = stage.texts.joined()
    #expect(first.split(separator: "\n").count == 3)
    #expect(first.hasPrefix("\r\u{1B}[K  2 %  0/4 trials"))
    #expect(first.contains("\n  raft, replicas=3, trial 1  █"))
    stage.at(1)
    line.advance(trial: 0, timeNs: 2_000_000_000, events: 100)
    let up = "\r\u{1B}[K\u{1B}[A\r\u{1B}[K\u{1B}[A\r\u{1B}[K"
    #expect(stage.texts[1].hasPrefix(up + "  5 %"))
    line.finish(trial: 1, events: 0, summary: "")
    line.end()
    #expect(stage.texts.last == up && stage.texts.count == 3)
  }

  @Test("A trial's sparkline shows the course of its load with a mark where a fault begins")
  func sparkline() {
    var trial = RunningTrial(name: "raft, trial 1", faults: [8_000, 8_100, 99_000])
    for (time, events) in [(7_999, 800), (16_000, 800), (24_000, 1600)] {
      trial.advance(to: Int64(time), events: events, of: 32_000)
    }
    let spark = trial.sparkline(of: 32_000)
    #expect(spark == "████████×▁▁▁▁▁▁▁▁▇▇▇▇▇▇▇▇▇" + String(repeating: " ", count: 7))
    #expect(trial.line(of: 32_000, width: 60) == "raft, trial 1  " + spark)
    #expect(trial.line(of: 32_000, width: 10) == "raft, tria")
    #expect(trial.line(of: 32_000, width: 45) == "raft, t...  " + spark)
  }

  @Test("--quiet silences progress but not messages")
  func quiet() {
    let stage = Stage()
    let line = stage.line(isQuiet: true)
    line.advance(trial: 0, timeNs: 1, events: 1)
    line.finish(trial: 0, events: 1, summary: "")
    line.end()
    #expect(stage.texts.isEmpty)
    line.message("the disk is full")
    #expect(stage.texts == ["the disk is full\n"])
  }

  @Test("Colour needs a terminal and no NO_COLOR; a dumb terminal redraws nothing")
  func terminal() {
    func terminal(_ isTerminal: Bool, _ environment: [String: String]) -> Terminal {
      Terminal(isTerminal: isTerminal, columns: nil, environment: environment)
    }
    #expect(terminal(true, [:]) == Terminal(isInteractive: true, usesColor: true, width: 100))
    #expect(
      !terminal(true, ["NO_COLOR": "1"]).usesColor && terminal(true, ["NO_COLOR": ""]).usesColor)
    #expect(terminal(true, ["NO_COLOR": "1"]).isInteractive)
    #expect(!terminal(true, ["TERM": "dumb"]).isInteractive)
    #expect(!terminal(false, [:]).isInteractive && !terminal(false, [:]).usesColor)
    #expect(terminal(false, ["COLUMNS": "72"]).width == 72)
    let stage = Stage()
    stage.line(usesColor: true).finish(trial: 0, events: 0, summary: "")
    #expect(stage.texts[0].contains("\u{1B}[2m"))
  }

  @Test("Several threads may report at once")
  func threads() async {
    let stage = Stage()
    let line = stage.line(trials: 64)
    await withTaskGroup(of: Void.self) { group in
      for trial in 0..<64 {
        group.addTask {
          for step in 0..<50 { line.advance(trial: trial, timeNs: Int64(step), events: step) }
          line.finish(trial: trial, events: 100, summary: "")
        }
      }
    }
    stage.at(1)
    line.advance(trial: 64, timeNs: 0, events: 0)
    #expect(stage.texts.last?.contains("64/64 trials") == true)
    #expect(stage.texts.last?.contains("6.4 k events/s") == true)
  }
}
