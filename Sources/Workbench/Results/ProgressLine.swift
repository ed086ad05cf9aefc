import Foundation
import Synchronization

/// Shows the progress of a run on standard error. On a terminal one block of lines is redrawn at
/// most ten times a second; elsewhere a plain line is written for each finished trial. Several
/// threads may report progress at once.
package final class ProgressLine: Sendable {
  private struct State {
    var progress: ProgressState
    /// When the line was last shown, in seconds since the start.
    var shownAt: Double?
    /// The lines that the terminal shows and that are still to be redrawn.
    var drawnLines = 0
    var isOver = false
  }

  private let state: Mutex<State>
  private let terminal: Terminal
  private let isQuiet: Bool
  /// Seconds since the start.
  private let clock: @Sendable () -> Double
  private let output: @Sendable (String) -> Void

  static let redrawInterval = 0.1

  /// - Parameters:
  ///   - trialsBefore: the trials finished in earlier attempts of the same run.
  ///   - trialDurationNs: the duration of one trial; for a run that sweeps it, the mean.
  package convenience init(
    trialsTotal: Int, trialsBefore: Int = 0, trialDurationNs: Int64,
    kind: ProgressKind = .simulation, isQuiet: Bool = false, terminal: Terminal = .standardError
  ) {
    let start = ContinuousClock.now
    self.init(
      ProgressState(
        trialsTotal: trialsTotal, trialsBefore: trialsBefore, trialDurationNs: trialDurationNs,
        kind: kind),
      isQuiet: isQuiet, terminal: terminal,
      clock: { (ContinuousClock.now - start) / .seconds(1) },
      output: { try? FileHandle.standardError.write(contentsOf: Data($0.utf8)) })
  }

  init(
    _ progress: ProgressState, isQuiet: Bool, terminal: Terminal,
    clock: @escaping @Sendable () -> Double, output: @escaping @Sendable (String) -> Void
  ) {
    state = Mutex(State(progress: progress))
    self.isQuiet = isQuiet
    self.terminal = terminal
    self.clock = clock
    self.output = output
  }

  /// - Parameters:
  ///   - trial: any number that tells the running trials apart.
  ///   - name: the trial as the user knows it.
  ///   - faultsNs: when its faults begin, since its start.
  package func begin(trial: Int, name: String, faultsNs: [Int64]) {
    guard !isQuiet else { return }
    state.withLock { $0.progress.begin(trial: trial, name: name, faultsNs: faultsNs) }
  }

  /// - Parameters:
  ///   - trial: any number that tells the running trials apart.
  ///   - timeNs: the time since the trial began.
  ///   - events: the events since the trial began.
  package func advance(trial: Int, timeNs: Int64, events: Int) {
    guard !isQuiet else { return }
    update { $0.advance(trial: trial, timeNs: timeNs, events: events) }
  }

  /// - Parameter summary: the trial and its outcome, for the plain line.
  package func finish(trial: Int, events: Int, summary: String) {
    guard !isQuiet else { return }
    update { $0.finish(trial: trial, events: events) }
    guard !terminal.isInteractive else { return }
    state.withLock { state in
      guard !state.isOver else { return }
      output(state.progress.line(elapsed: clock()) + "  " + summary + "\n")
    }
  }

  /// Removes the live block from a terminal, so that other text can be written.
  package func end() {
    guard !isQuiet else { return }
    state.withLock { state in
      guard !state.isOver else { return }
      state.isOver = true
      output(ProgressLine.erasing(lines: state.drawnLines))
    }
  }

  /// Writes a message to the same stream, on a line of its own.
  package func message(_ text: String) {
    state.withLock { state in
      output(ProgressLine.erasing(lines: state.drawnLines) + text + "\n")
      state.drawnLines = 0
      state.shownAt = nil
    }
  }

  /// Moves to the start of the first of the lines and erases all of them.
  private static func erasing(lines: Int) -> String {
    guard lines > 0 else { return "" }
    let eraseLine = "\r\u{1B}[K"
    return eraseLine + String(repeating: "\u{1B}[A" + eraseLine, count: lines - 1)
  }

  private func update(_ change: (inout ProgressState) -> Void) {
    state.withLock { state in
      change(&state.progress)
      guard !state.isOver, terminal.isInteractive else { return }
      let now = clock()
      guard now - (state.shownAt ?? -.infinity) >= ProgressLine.redrawInterval else { return }
      state.shownAt = now
      // One column is left free, because some terminals wrap when the last column is filled.
      let width = terminal.width - 1
      let lines =
        [state.progress.line(elapsed: now, width: width)]
        + state.progress.trialLines(width: width)
      output(
        ProgressLine.erasing(lines: max(state.drawnLines, 1))
          + lines.map(styled).joined(separator: "\n"))
      state.drawnLines = lines.count
    }
  }

  private func styled(_ line: String) -> String {
    guard terminal.usesColor else { return line }
    let mark = String(RunningTrial.faultMark)
    // Everything is dim but the marks of faults, which are red.
    return "\u{1B}[2m"
      + line.replacing(mark, with: "\u{1B}[0;31m\(mark)\u{1B}[0;2m") + "\u{1B}[0m"
  }
}
