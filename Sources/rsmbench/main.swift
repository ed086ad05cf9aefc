import Benchmarks

for result in BenchmarkSuite.all.map({ $0.measure() }) {
  print(result.name, result.value, result.unit)
}
