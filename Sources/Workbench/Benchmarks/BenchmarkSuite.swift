import ProtocolList

/// Every benchmark of `rsmbench bench`, in the order in which they run.
package enum BenchmarkSuite {
  package static let all: [Benchmark] =
    [.simulatorRing] + ProtocolKind.allCases.map { .simulator($0) }
    + ProtocolKind.allCases.map { .trial($0) }
    + [.trial(.raft, tracingOneIn: 10), .scanTrial]
    + [1, 16, 64].map { .memory(clients: $0) }
    + ProtocolKind.allCases.flatMap { [.core($0, batch: 1), .core($0, batch: 64)] }
    + [.histogramRecord, .codecRoundTrip, .checkerKeyValue, .checkerScans]
}
