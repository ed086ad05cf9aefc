import Experiments
import Results

/// The command that runs one trial of a run again, alone.
struct Replay: Sendable {
  /// The words of the run's own command that decide what its trials are, from the file on.
  private let words: [String]

  init(_ arguments: Arguments) {
    var words = arguments.positional.prefix(1).map { $0 }
    for flag in ["--runtime", "--hosts"] {
      if let value = arguments[flag] { words += [flag, value] }
    }
    self.words = words + arguments.all("--set").flatMap { ["--set", $0] }
  }

  /// The seed of a trial decides it, whatever its number is, so one trial with that seed is enough. It goes to a
  /// directory of its own.
  func command(_ outline: RunOutline, _ place: TrialPlace, seed: UInt64, isProtocol: Bool) -> String
  {
    var words = ["rsmbench", "run"] + words
    if isProtocol {
      words += ["--set", "protocols=[\"\(outline.protocols[place.protocolIndex])\"]"]
    }
    if !outline.sweepPaths.isEmpty { words += ["--set", "sweep={}"] }
    for (path, value) in zip(outline.sweepPaths, outline.points[place.point]) where !value.isEmpty {
      words += ["--set", "\(path)=\(value)"]
    }
    words += ["--seed", "\(seed)", "--trials", "1", "--out", "replay", "--force"]
    return words.map(Replay.quoted).joined(separator: " ")
  }

  /// As a shell reads it.
  private static func quoted(_ word: String) -> String {
    let isPlain =
      !word.isEmpty
      && word.unicodeScalars.allSatisfy {
        switch $0 {
        case "A"..."Z", "a"..."z", "0"..."9", ".", "_", "-", "/", "=", ":", ",", "+": true
        default: false
        }
      }
    return isPlain ? word : "'" + word.replacing("'", with: #"'\''"#) + "'"
  }
}
