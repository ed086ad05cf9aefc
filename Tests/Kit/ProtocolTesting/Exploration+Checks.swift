import Testing

extension Exploration {
  /// Expects that a complete search found no fault, and that it was long enough to mean something.
  /// - Parameters:
  ///   - states: the search must have seen more than this many.
  ///   - commits: the most commits that one replica must have made in some state, at least.
  public func expectSound(
    states: Int, commits: Int, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(failure == nil, "\(trail)", sourceLocation: sourceLocation)
    #expect(isComplete && stateCount > states, "\(self)", sourceLocation: sourceLocation)
    #expect(mostCommits >= commits, "\(self)", sourceLocation: sourceLocation)
  }
}
