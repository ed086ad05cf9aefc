import Foundation
import Synchronization

/// Shows the progress of a run on standard error. On a terminal one line is redrawn at most ten
/// times a second; elsewhere a plain line is written every few seconds. Several threads may report
/// progress at once.
package final class ProgressLine: Sendable {
  private struct State {
    var progress: ProgressState
    /// When the line was last shown, in seconds since the start.
    var shownAt: Double?
    /// Whether the terminal shows a line that is still to be redrawn.
    var isDrawn = false
    var isOver = false
    /// The last plain line.
    var lastLine = ""
  }

  private let state: Mutex<State>
  private let terminal: Terminal
  private let isQuiet: Bool
  /// Seconds since the start.
  private let clock: @Sendable () -> Double
  private let output: @Sendable (String) -> Void

  static let redrawInterval = 0.1
  static let plainInterval = 5.0

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
  ///   - timeNs: the time since the trial began.
  ///   - events: the events since the trial began.
  package func advance(trial: Int, timeNs: Int64, events: Int) {
    guard !isQuiet else { return }
    update { $0.advance(trial: trial, timeNs: timeNs, events: events) }
  }

  package func finish(trial: Int, events: Int) {
    guard !isQuiet else { return }
    update { $0.finish(trial: trial, events: events) }
  }

  /// Removes the live line from a terminal, so that other text can be written; elsewhere, writes a
  /// last line.
  package func end() {
    guard !isQuiet else { return }
    state.withLock { state in
      guard !state.isOver else { return }
      state.isOver = true
      if state.isDrawn {
        output(ProgressLine.eraseLine)
      } else if state.shownAt != nil {
        let line = state.progress.line(elapsed: clock())
        if line != state.lastLine { output(line + "\n") }
      }
    }
  }

  /// Writes a message to the same stream, on a line of its own.
  package func message(_ text: String) {
    state.withLock { state in
      output((state.isDrawn ? ProgressLine.eraseLine : "") + text + "\n")
      state.isDrawn = false
      if terminal.isInteractive { state.shownAt = nil }
    }
  }

  private static let eraseLine = "\r\u{1B}[K"

  private func update(_ change: (inout ProgressState) -> Void) {
    state.withLock { state in
      change(&state.progress)
      guard !state.isOver else { return }
      let now = clock()
      let interval =
        terminal.isInteractive ? ProgressLine.redrawInterval : ProgressLine.plainInterval
      // A run that ends within the first interval needs no plain line.
      let last = state.shownAt ?? (terminal.isInteractive ? -.infinity : 0)
      guard now - last >= interval else { return }
      state.shownAt = now
      if terminal.isInteractive {
        // One column is left free, because some terminals wrap when the last column is filled.
        let line = state.progress.line(elapsed: now, width: terminal.width - 1)
        let shown = terminal.usesColor ? "\u{1B}[2m\(line)\u{1B}[0m" : line
        output(ProgressLine.eraseLine + shown)
        state.isDrawn = true
      } else {
        state.lastLine = state.progress.line(elapsed: now)
        output(state.lastLine + "\n")
      }
    }
  }
}
