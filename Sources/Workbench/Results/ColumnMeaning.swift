import Measurement

/// What a column means, in the words of `datapackage.json`, for texts that explain results.
package enum ColumnMeaning {
  /// A metric of `trials.csv`; nil for an unknown name.
  package static func metric(_ name: String) -> String? {
    MetricColumn.all.first { $0.name == name }?.meaning
  }

  /// A column of `faults.csv`; nil for another name.
  package static func fault(_ name: String) -> String? {
    [Column<FaultRow>].faults.first { $0.field.name == name }?.field.meaning
  }
}
