import Testing

extension Optional<ExitTest.Result> {
  /// Whether the process of an exit test said these words before it stopped.
  public func says(_ words: String) -> Bool {
    guard let self else { return false }
    return String(decoding: self.standardErrorContent, as: UTF8.self).contains(words)
  }
}
