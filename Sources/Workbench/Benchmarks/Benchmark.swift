/// One result of a benchmark.
package struct BenchmarkResult: Sendable {
  package var name: String
  package var value: Double
  package var unit: String
}

/// A named measurement of a rate, a time per piece of work ("ns") or memory per piece ("B/op"). The
/// result is the best of several repetitions, because every disturbance on a shared machine makes a
/// run slower, so the best one is the least disturbed.
package struct Benchmark: Sendable {
  package let name: String
  package let unit: String
  /// Runs once and returns the amount of work, and the seconds or bytes that it took.
  let run: @Sendable () -> (work: Double, seconds: Double)

  package static let repetitions = 5

  package func measure() -> BenchmarkResult {
    var best = 0.0
    for _ in 0..<Self.repetitions {
      let (work, seconds) = run()
      best = max(best, work / seconds)
    }
    let value =
      switch unit {
      case "ns": 1e9 / best
      case "B/op": 1 / best
      default: best
      }
    return BenchmarkResult(name: name, value: value, unit: unit)
  }

  static func time(_ body: () -> Void) -> Double {
    let clock = ContinuousClock()
    let duration = clock.measure(body)
    return Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18
  }
}
