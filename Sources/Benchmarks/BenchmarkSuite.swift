import ProtocolList

public enum BenchmarkSuite {
  public static let all: [Benchmark] =
    [.simulatorRing] + ProtocolKind.allCases.map { .simulator($0) }
}
