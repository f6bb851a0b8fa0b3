{{ ahrq_index('elixhauser_ahrq_readmission', 'readmission_weight') }}
