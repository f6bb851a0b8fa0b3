{{ comorbidity_index('charlson') }}
