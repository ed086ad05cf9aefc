/// A latency distribution in a form small enough to be stored with each trial. The distributions of
/// several trials can later be merged by adding their counts.
package struct StoredLatency: Sendable, Equatable, Codable {
  fileprivate var answered: SparseHistogram
  fileprivate var open: SparseHistogram
  fileprivate var abandoned: SparseHistogram

  package init(_ distribution: LatencyDistribution) {
    answered = SparseHistogram(distribution.answered)
    open = distribution.open.map(SparseHistogram.init) ?? SparseHistogram()
    abandoned = distribution.abandoned.map(SparseHistogram.init) ?? SparseHistogram()
  }
}

extension LatencyDistribution {
  package init(_ stored: StoredLatency) {
    func histogram(_ sparse: SparseHistogram) -> Histogram {
      var histogram = Histogram()
      histogram.merge(sparse)
      return histogram
    }
    self.init(
      answered: histogram(stored.answered), open: histogram(stored.open),
      abandoned: histogram(stored.abandoned))
  }
}
