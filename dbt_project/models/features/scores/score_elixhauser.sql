{{ comorbidity_index('elixhauser') }}
