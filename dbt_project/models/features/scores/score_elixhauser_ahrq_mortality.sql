{{ ahrq_index('elixhauser_ahrq_mortality', 'mortality_weight') }}
